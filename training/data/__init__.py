"""Labelled rows: read them, check them, and find held-out rows in the training data."""
