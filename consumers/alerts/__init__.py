"""From results to alerts, and from alerts to people."""
