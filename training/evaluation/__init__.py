"""How good a model is: predictions, measures with intervals, slices, reports."""
