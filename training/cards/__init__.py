"""Model cards, and recording the figures of a model in its manifest."""
