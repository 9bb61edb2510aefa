"""Clock, deadline and back-off: what everything that waits stands on."""
