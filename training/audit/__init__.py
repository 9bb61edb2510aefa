"""Does a model treat people equally, and does it pass simple tests? Counterfactual pairs and behavioural tests."""
