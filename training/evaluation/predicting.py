"""A model's predictions as an array: the first step of every evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sentiment.events import LABELS
from sentiment.model.classifier import Classifier
from sentiment.progress import Progress, Silent
from sentiment.statistics import Floats

Predict = Callable[[Sequence[str]], Floats]
"""Redacted texts → (n, 3) probabilities, in their order and in the order of ``LABELS``."""

# Progress may lag behind by as many, and they are enough to sort by length.
_TEXTS_AT_ONCE = 512


def probabilities_of(
    classifier: Classifier, texts: Sequence[str], *, progress: Progress | None = None, phase: str = "scoring"
) -> Floats:
    """(n, 3) calibrated probabilities of redacted `texts`, in order. `progress` shows `phase` meanwhile."""
    progress = progress or Silent()
    progress.begin(phase, len(texts))
    rows: list[tuple[float, float, float]] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        predictions, _ = classifier.predict(texts[start : start + _TEXTS_AT_ONCE])
        rows.extend(prediction.probabilities for prediction in predictions)
        progress.at(len(rows))
    return np.array(rows, dtype=np.float64).reshape(len(texts), len(LABELS))
