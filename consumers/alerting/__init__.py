"""From results to alerts: the handler around the spike detector, and the state it keeps."""
