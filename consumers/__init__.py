"""Everything that talks to Kafka or runs as a service."""
