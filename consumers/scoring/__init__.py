"""From feedback to results."""
