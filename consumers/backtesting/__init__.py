"""The detector over the past: what it would have paged, how often by mistake, and what it would have found."""
