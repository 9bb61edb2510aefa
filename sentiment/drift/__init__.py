"""Is the stream still what it was, and is the model still as good? Counts, tests and estimates; no clock, no Kafka."""
