"""Training examples that teach what labelled collections seldom show: negation, noise, emoji, and that who speaks or
is spoken of does not matter.

The templates are those of training. The audit has templates and word lists of its own, so that it stays a test.
"""

from training.augmentation.mix import AUGMENTED_SOURCE, augment

__all__ = ["AUGMENTED_SOURCE", "augment"]
