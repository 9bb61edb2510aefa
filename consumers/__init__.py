"""Everything that talks to Kafka or runs as a service."""

from sentiment.telemetry import switch_off

switch_off()
