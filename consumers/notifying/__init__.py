"""From alerts to people: delivery, its history, and the channels."""
