"""The most instructive mistakes: those that the model was surest of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentiment.events import LABELS
from training.data.examples import Example
from training.evaluation.predicting import Answers
from training.evaluation.records import Mistake


def surest_mistakes(
    answers: Answers, examples: Sequence[Example], count: int, *, rows: Sequence[int] | None = None
) -> tuple[Mistake, ...]:
    """At most `count` wrong predictions, the most confident first, ties in the order of the rows.

    `rows` are the row numbers of the examples in their file, from 1. Confident mistakes are often wrong labels.
    """
    probabilities, chosen = answers.probabilities, answers.chosen
    labels = np.array([example.label for example in examples], dtype=np.int64)
    wrong = np.flatnonzero(chosen != labels)
    order = np.argsort(-probabilities[wrong, chosen[wrong]], kind="stable")[:count]
    return tuple(
        Mistake(
            row=rows[index] if rows is not None else int(index) + 1,
            label=LABELS[labels[index]],
            chosen=LABELS[chosen[index]],
            confidence=float(probabilities[index, chosen[index]]),
            probability_of_label=float(probabilities[index, labels[index]]),
            source=examples[index].source,
            text=examples[index].text,
        )
        for index in wrong[order]
    )
