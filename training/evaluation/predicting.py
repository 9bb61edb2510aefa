"""A model's predictions as arrays: the first step of every evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sentiment.events import LABELS
from sentiment.model.classifier import BatchInfo, Classifier, Prediction
from sentiment.progress import Progress, Silent
from sentiment.statistics import Floats, Ints


@dataclass(frozen=True, slots=True)
class Answers:
    """(n, 3) calibrated probabilities in the order of ``LABELS``, and the labels (n,) `chosen`, as their indices.

    A model with a decision rule does not always choose the most likely label.
    """

    probabilities: Floats
    chosen: Ints

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> Answers:
        """The answers in these predictions."""
        rows = [prediction.probabilities for prediction in predictions]
        chosen = [LABELS.index(prediction.label) for prediction in predictions]
        probabilities = np.array(rows, dtype=np.float64).reshape(len(rows), len(LABELS))
        return cls(probabilities, np.array(chosen, dtype=np.int64))

    @classmethod
    def most_likely(cls, probabilities: Floats) -> Answers:
        """The answers of a model without a decision rule."""
        return cls(probabilities, probabilities.argmax(axis=1))


Predict = Callable[[Sequence[str]], Answers]
"""Redacted texts to their answers, in their order."""

# Progress may lag behind by as many, and they are enough to sort by length.
_TEXTS_AT_ONCE = 512


def answers_of(
    classifier: Classifier,
    texts: Sequence[str],
    *,
    progress: Progress | None = None,
    phase: str = "scoring",
    after: int = 0,
    spent: list[BatchInfo] | None = None,
) -> Answers:
    """The answers to redacted `texts`, in order, as they are served. `progress` shows `phase` meanwhile, which is
    followed by what takes as long as `after` texts.

    What the calls cost is added to `spent`.
    """
    progress = progress or Silent()
    progress.begin(phase, len(texts), after=after)
    found: list[Prediction] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        predictions, info = classifier.predict(texts[start : start + _TEXTS_AT_ONCE])
        if spent is not None:
            spent.append(info)
        found.extend(predictions)
        progress.at(len(found))
    return Answers.of(found)


def probabilities_of(
    classifier: Classifier, texts: Sequence[str], *, progress: Progress | None = None, phase: str = "scoring"
) -> Floats:
    """(n, 3) calibrated probabilities of redacted `texts`, in order. `progress` shows `phase` meanwhile."""
    return answers_of(classifier, texts, progress=progress, phase=phase).probabilities
