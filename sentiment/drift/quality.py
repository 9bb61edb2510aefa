"""Accuracy and macro-F1 with intervals, from counts of (truth, prediction) pairs."""

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
"""Weights are rounded to this many significant digits, so that equal pairs share a count and memory stays small."""


class LabelledQuality(msgspec.Struct, frozen=True, kw_only=True):
    """`n` labelled pairs. `effective_n` equally weighted pairs would carry the same information (Kish 1965)."""

    n: int
    effective_n: float
    accuracy: Estimate
    macro_f1: Estimate


class PairCounts:
    """Counts of (truth, predicted, weight). A pair can be taken back when a later label corrects it."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, int, float]] = Counter()

    def add(self, truth: int, predicted: int, weight: float) -> None:
        """Count a pair. Labels index `LABELS`; `weight` > 0 is one over the chance of having been labelled."""
        self._counts[truth, predicted, _rounded(weight)] += 1

    def take_back(self, truth: int, predicted: int, weight: float) -> None:
        """Undo `add` for the same pair."""
        key = (truth, predicted, _rounded(weight))
        self._counts[key] -= 1
        if self._counts[key] <= 0:
            del self._counts[key]

    @property
    def n(self) -> int:
        """The number of pairs."""
        return self._counts.total()

    def quality(self, *, seed: int) -> LabelledQuality | None:
        """Accuracy (Wilson's interval at the effective n) and macro-F1 (bootstrap over pairs). None without pairs.

        With weights these are Hájek's estimates: unbiased up to order 1/n for the population that was sampled.
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
    """Turn (draws, cells) counts into (draws, classes, classes) weighted confusion matrices, truth in rows."""
    confusions = np.zeros((len(counts), len(LABELS) ** 2))
    for cell, place in enumerate(places):
        confusions[:, place] += counts[:, cell] * weights[cell]
    return confusions.reshape(-1, len(LABELS), len(LABELS))


def _rounded(weight: float) -> float:
    return float(f"{weight:.{_WEIGHT_DIGITS}g}")
