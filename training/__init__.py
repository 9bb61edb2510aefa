"""Fine-tuning, exporting and judging of the classifiers that the pipeline serves."""
