"""The classifier: model directories, backends, and the way from texts to calibrated predictions."""
