"""The clock, deadlines for calls that may block, and delays between attempts."""
