"""How good a model is: predictions, metrics with intervals, slices, reports."""
