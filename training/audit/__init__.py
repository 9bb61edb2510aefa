"""Does a model treat people alike, and does it read as people do? Counterfactual pairs and behavioural tests."""
