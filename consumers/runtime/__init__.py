"""The loop that every worker shares: poll, handle, commit, and what keeps it alive."""
