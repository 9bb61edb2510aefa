"""Models whose bias is known, as functions from texts to probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Predict = Callable[[Sequence[str]], NDArray[np.float64]]


def scoring(score_of: Callable[[str], float]) -> Predict:
    """Probabilities whose difference p(positive) − p(negative) is `score_of` the text; neutral gets the rest."""

    def predict(texts: Sequence[str]) -> NDArray[np.float64]:
        scores = np.array([score_of(text) for text in texts])
        return np.stack([np.maximum(-scores, 0.0), 1.0 - np.abs(scores), np.maximum(scores, 0.0)], axis=1)

    return predict


def constant(texts: Sequence[str]) -> NDArray[np.float64]:
    """The same answer to everything: fair, and useless."""
    return np.tile([0.1, 0.2, 0.7], (len(texts), 1))
