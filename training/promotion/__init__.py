"""The gate before a model serves: what is measured, what is demanded, and the verdict."""
