"""Labelled rows: reading them, checking them, and finding leaks between training and held-out rows."""
