"""The gate before a model serves: what is measured, what is required, and the verdict."""
