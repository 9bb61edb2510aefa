"""The loop that every worker shares: poll, handle, commit, recover. With its health and metrics."""
