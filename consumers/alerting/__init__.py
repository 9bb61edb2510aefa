"""From results to alerts: the handler around the spike detector, and its state."""
