"""Where alerts go: one channel a file."""
