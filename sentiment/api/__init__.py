"""The public Python API, one file for each thing that a user does. `sentiment` offers its names; see docs/python-api.md."""
