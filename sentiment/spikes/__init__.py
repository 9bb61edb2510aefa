"""Spike detection: minutes → baseline → detector → episode → what a person is told. Pure: time is an argument."""
