"""Has the stream changed, and is the model still as good? Counts, tests and estimates, without a clock or Kafka."""
