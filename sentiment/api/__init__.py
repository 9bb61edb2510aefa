"""The public Python API. `sentiment` offers its names; docs/python-api.md shows each of them in use."""
