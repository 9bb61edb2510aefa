"""Fine-tuning and distilling backbones into classifiers."""
