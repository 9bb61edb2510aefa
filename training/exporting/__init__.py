"""From a checkpoint to a model directory that is served: graphs, parity, calibration."""
