"""Training examples for what labelled data seldom show: negation, noise, emoji, and that it does not matter who speaks
or is spoken about.

These templates are for training. The audit has its own templates and word lists, so that it remains a test.
"""

from training.augmentation.mix import AUGMENTED_SOURCE, augment

__all__ = ["AUGMENTED_SOURCE", "augment"]
