"""Models whose bias is known, as functions from texts to answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from training.evaluation.predicting import Answers, Predict


def scoring(score_of: Callable[[str], float]) -> Predict:
    """Probabilities whose difference p(positive) − p(negative) is `score_of` the text; neutral gets the rest."""

    def predict(texts: Sequence[str]) -> Answers:
        scores = np.array([score_of(text) for text in texts])
        rows = [np.maximum(-scores, 0.0), 1.0 - np.abs(scores), np.maximum(scores, 0.0)]
        return Answers.most_likely(np.stack(rows, axis=1))

    return predict


def constant(texts: Sequence[str]) -> Answers:
    """The same answer to everything: fair, and useless."""
    return Answers.most_likely(np.tile([0.1, 0.2, 0.7], (len(texts), 1)))
