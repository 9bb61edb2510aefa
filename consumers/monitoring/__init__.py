"""Continuous evaluation of what the scoring workers publish."""
