"""From a checkpoint to a model directory that can be served: graphs, parity, calibration."""
