"""Spike detection: minutes → baseline → detector → episode → message. Pure: time is an argument."""
