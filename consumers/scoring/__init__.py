"""The scoring worker: from feedback to results."""
