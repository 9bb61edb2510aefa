"""Measurements of the pipeline as a whole: `make bench` for speed, `python -m benchmarks.memory` for memory."""
