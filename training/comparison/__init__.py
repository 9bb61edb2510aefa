"""Several models on the same texts: quality, speed, memory, cost and fairness, side by side."""
