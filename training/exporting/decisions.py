"""Fit the offsets of a decision (`sentiment.decision`) for macro-recall, and say what they gain on rows not seen.

Macro-recall is the mean recall of the three labels: each counts the same, however rare. Always giving the most likely
label neglects rare ones.
"""

from __future__ import annotations

import msgspec
import numpy as np

from sentiment.decision import MOST_LIKELY, Decision
from sentiment.statistics import Floats, Ints, confusion_table, macro_recall_of

_STEP, _FURTHEST = 0.02, 1.5
# A whole nat has to gain four points. Recall is a step function, so small gains far away are luck.
_COST_OF_A_SQUARED_NAT = 0.04


class DecisionFit(msgspec.Struct, frozen=True, kw_only=True):
    """Macro-recall of the most likely label, with the fitted `offsets` in sample, and cross-fitted.

    `cross_fitted` is the honest figure: the offsets of each part of the rows come from the other parts. Unless it beats
    `most_likely`, the offsets are of no use, and `offsets` are zeros. They are fitted to the probabilities of `form`.
    """

    form: str
    offsets: tuple[float, float, float]
    most_likely: float
    fitted: float
    cross_fitted: float


def fit_decision(form: str, probabilities: Floats, labels: Ints, *, folds: list[Ints]) -> DecisionFit:
    """Fit on all rows of calibrated `probabilities` (n, 3). `folds` are the row numbers of each part.

    The temperature may have seen all rows: it changes no order of labels within a row.
    """
    found = fit_offsets(probabilities, labels)
    chosen = np.empty(len(labels), dtype=np.int64)
    for fold in folds:
        others = np.setdiff1d(np.arange(len(labels)), fold)
        chosen[fold] = fit_offsets(probabilities[others], labels[others]).choose(probabilities[fold])
    most_likely = _macro_recall(labels, MOST_LIKELY.choose(probabilities))
    cross_fitted = _macro_recall(labels, chosen)
    return DecisionFit(
        form=form,
        offsets=found.offsets if cross_fitted > most_likely else MOST_LIKELY.offsets,
        most_likely=most_likely,
        fitted=_macro_recall(labels, found.choose(probabilities)),
        cross_fitted=cross_fitted,
    )


def fit_offsets(probabilities: Floats, labels: Ints) -> Decision:
    """The offsets with the best macro-recall minus a cost that grows with the square of the offsets.

    Coordinate search from zero over a grid: one label after the other, until nothing improves. Adding the same to all
    three changes nothing, so the cost keeps their sum near 0.
    """
    grid = np.round(np.arange(-_FURTHEST, _FURTHEST + _STEP / 2, _STEP), 10)
    offsets = [0.0, 0.0, 0.0]
    best = _worth(offsets, probabilities, labels)
    improved = True
    while improved:
        improved = False
        for index in range(3):
            tries = [[*offsets[:index], float(value), *offsets[index + 1 :]] for value in grid]
            worths = [_worth(each, probabilities, labels) for each in tries]
            top = int(np.argmax(worths))
            if worths[top] > best + 1e-12:
                offsets, best, improved = tries[top], worths[top], True
    return Decision(offsets=(offsets[0], offsets[1], offsets[2]))


def _worth(offsets: list[float], probabilities: Floats, labels: Ints) -> float:
    chosen = (probabilities * np.exp(offsets)).argmax(axis=1)
    return _macro_recall(labels, chosen) - _COST_OF_A_SQUARED_NAT * sum(offset**2 for offset in offsets)


def _macro_recall(labels: Ints, chosen: Ints) -> float:
    return float(macro_recall_of(confusion_table(labels, chosen)))
