"""How good the answers were, from pairs of prediction and truth, with intervals, and without keeping the pairs."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentiment.events import LABELS
from sentiment.statistics import (
    DEFAULT_RESAMPLES,
    Estimate,
    macro_f1_of,
    percentile_interval,
    resample_counts,
    wilson,
)

_WEIGHT_DIGITS = 2
"""Weights are kept to so many significant digits, so that equal ones meet and the number of counts stays small."""


class LabelledQuality(msgspec.Struct, frozen=True, kw_only=True):
    """`n` joined pairs; `effective_n` of them, as many equally weighted ones would tell as much (Kish 1965)."""

    n: int
    effective_n: float
    accuracy: Estimate
    macro_f1: Estimate


class PairCounts:
    """Counts of (truth, predicted, weight). A pair can be taken back, when a later label corrects it."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, int, float]] = Counter()

    def add(self, truth: int, predicted: int, weight: float) -> None:
        """Count a pair; labels index `LABELS`, `weight` > 0 is one over its chance of having been labelled."""
        self._counts[truth, predicted, _rounded(weight)] += 1

    def take_back(self, truth: int, predicted: int, weight: float) -> None:
        """Undo an `add` of the same pair."""
        key = (truth, predicted, _rounded(weight))
        self._counts[key] -= 1
        if self._counts[key] <= 0:
            del self._counts[key]

    @property
    def n(self) -> int:
        """Pairs counted."""
        return self._counts.total()

    def quality(self, *, seed: int) -> LabelledQuality | None:
        """Accuracy with Wilson's interval at the effective n, macro-F1 with a bootstrap over pairs; None without pairs.

        With weights these are Hájek's estimates: unbiased, up to order 1/n, for all that was sampled from.
        """
        if not self._counts:
            return None
        cells = sorted(self._counts)
        counts = np.array([self._counts[cell] for cell in cells], dtype=np.int64)
        weights = np.array([weight for _, _, weight in cells])
        places = np.array([truth * len(LABELS) + predicted for truth, predicted, _ in cells])
        total = float((counts * weights).sum())
        effective_n = total**2 / float((counts * weights**2).sum())
        right = sum(weight * self._counts[cell] for cell in cells for t, p, weight in [cell] if t == p)
        draws = resample_counts(counts, n_resamples=DEFAULT_RESAMPLES, seed=seed)
        interval = percentile_interval(macro_f1_of(_confusions(draws, weights, places)))
        value = float(macro_f1_of(_confusions(counts[None], weights, places))[0])
        return LabelledQuality(
            n=int(counts.sum()),
            effective_n=effective_n,
            accuracy=wilson(right / total, effective_n),
            macro_f1=interval.of(value),
        )


def _confusions(
    counts: NDArray[np.int64], weights: NDArray[np.float64], places: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(draws, cells) counts as (draws, classes, classes) weighted confusions: truth in rows."""
    confusions = np.zeros((len(counts), len(LABELS) ** 2))
    for cell, place in enumerate(places):
        confusions[:, place] += counts[:, cell] * weights[cell]
    return confusions.reshape(-1, len(LABELS), len(LABELS))


def _rounded(weight: float) -> float:
    return float(f"{weight:.{_WEIGHT_DIGITS}g}")
