"""What would make a person raise an eyebrow at a model's answers, whatever its figures are called."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sentiment.events import LABELS
from sentiment.statistics import Ints, macro_f1_of


def doubts(confusion: Ints) -> Iterator[str]:
    """A line for a label that is never given, and one if giving the same label every time would be as good.

    `confusion` (3, 3) counts rows by label and by answer, in the order of ``LABELS``.
    """
    labels, answers = confusion.sum(axis=1), confusion.sum(axis=0)
    for index, label in enumerate(LABELS):
        if labels[index] and not answers[index]:
            yield f"no text is answered {label}, and {labels[index]:,} of {labels.sum():,} rows are labelled so"
    reached, constant = float(macro_f1_of(confusion)), _of_majority(labels)
    if np.count_nonzero(labels) > 1 and reached <= constant:
        most = LABELS[int(labels.argmax())]
        yield f"macro-F1 {reached:.4f} is no better than the {constant:.4f} of answering {most} every time"


def _of_majority(labels: Ints) -> float:
    """The macro-F1 of giving every row the most frequent label."""
    always = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    always[:, labels.argmax()] = labels
    return float(macro_f1_of(always))
