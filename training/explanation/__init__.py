"""Which words moved the score, and whether that account of the model can be believed."""
