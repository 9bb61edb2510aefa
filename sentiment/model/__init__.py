"""The classifier: model directories, backends, and the path from texts to calibrated predictions."""
