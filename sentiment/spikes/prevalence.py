"""The share of negative feedback behind the share of negative labels: a model errs.

A model that finds only 80 % of the negative texts, and calls 13 % of the others negative, shows a true 10 % as 20 %,
and a true 40 % as 40 %. Rogan and Gladen (1978) turn that around. The interval, by Lang and Reiczigel (2014), knows
that the errors are measured on finitely many texts.

It holds as far as the model errs on the feedback as it did on the texts on which it was evaluated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from sentiment.events import ModelRef
from sentiment.statistics import Z95, Estimate

LEAST_INFORMATIVE = 0.1
"""With less between recall and false rate, labels say next to nothing about the truth."""


@dataclass(frozen=True, slots=True)
class ModelErrors:
    """How a model errs about negative texts, measured on `n_negative` texts that are negative and `n_other` others.

    `recall` of the negative texts are called negative, and `false_rate` of the others; both in [0, 1].
    """

    recall: float
    n_negative: int
    false_rate: float
    n_other: int


ErrorsOf = Callable[[ModelRef], ModelErrors | None]


def unknown_errors(model: ModelRef) -> ModelErrors | None:
    """Nobody knows how any model errs."""
    return None


def corrected(share: float, n: float, errors: ModelErrors) -> Estimate | None:
    """The true share behind a `share` of labels among `n` > 0 results, with its 95 % interval.

    `n` may be an effective sample size. None if the model tells negative texts from others too badly.
    """
    informative = errors.recall - errors.false_rate
    if informative < LEAST_INFORMATIVE:
        return None
    value = _clipped((share - errors.false_rate) / informative)
    n_negative, n_other = errors.n_negative + 2, errors.n_other + 2
    recall = (errors.recall * errors.n_negative + 1) / n_negative
    specificity = ((1 - errors.false_rate) * errors.n_other + 1) / n_other
    seen = (n * share + Z95**2 / 2) / (n + Z95**2)
    slope = recall + specificity - 1
    true = _clipped((seen + specificity - 1) / slope)
    of_recall = recall * (1 - recall) / n_negative
    of_specificity = specificity * (1 - specificity) / n_other
    variance = seen * (1 - seen) / (n + Z95**2) + true**2 * of_recall + (1 - true) ** 2 * of_specificity
    centre = true + 2 * Z95**2 * (true * of_recall - (1 - true) * of_specificity)
    half = Z95 * sqrt(variance) / slope
    return Estimate(value, min(value, _clipped(centre - half)), max(value, _clipped(centre + half)))


def _clipped(share: float) -> float:
    return min(max(share, 0.0), 1.0)
