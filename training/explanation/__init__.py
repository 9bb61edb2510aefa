"""Which words moved the score, and whether that explanation is faithful to the model."""
