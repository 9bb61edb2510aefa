"""The statistics that several parts share: confidence intervals, measures of confusion tables, and Holm's correction.

Confusion tables are (…, classes, classes) counts or weights with labels in rows and predictions in columns, so that
thousands of resampled tables are measured in one call. A ratio with a zero denominator is 0, like scikit-learn's
``zero_division=0``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.events import LABELS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Tables = Ints | Floats

Z95 = 1.959963984540054
"""The standard normal quantile of a two-sided 95 % interval."""

DEFAULT_LEVEL = 0.95
DEFAULT_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and both ends of its interval, in the unit of the value; low ≤ high.

    A percentile interval of few rows need not contain the value.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of a confidence interval, in the unit of the measure; low ≤ high."""

    low: float
    high: float

    def of(self, value: float) -> Estimate:
        """The estimate whose interval this is."""
        return Estimate(value, self.low, self.high)


def wilson(share: float, n: float) -> Estimate:
    """Wilson's 95 % interval (1927) of a `share` seen in `n` > 0 trials; `n` may be an effective sample size."""
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n)) / (1 + Z95**2 / n)
    # Rounding must not push the share itself out of its interval.
    return Estimate(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order: rejecting those ≤ α gives any false alarm with a probability ≤ α.

    Holm 1979. Valid under any dependence between the tests.
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def bootstrap_interval(
    statistic: Callable[[Ints], float],
    n: int,
    *,
    seed: int,
    n_resamples: int = DEFAULT_RESAMPLES,
    level: float = DEFAULT_LEVEL,
) -> Interval:
    """The percentile interval of `statistic` (Efron 1979), which is given the indices (n,) of resampled rows.

    `level` in (0, 1) is the share of resamples between the ends. The interval covers the choice of rows and nothing
    else: not other data sets, not other years, not wrong labels. Raises ``ValueError`` without rows.
    """
    if n < 1:
        raise ValueError("nothing to resample: no rows")
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, n, size=n)) for _ in range(n_resamples)]
    return percentile_interval(np.array(values, dtype=np.float64), level)


def percentile_interval(values: Floats, level: float = DEFAULT_LEVEL) -> Interval:
    """The ends between which the middle `level` of the resampled `values` (resamples,) lie."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level is in (0, 1), not {level}")
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(high))


def resample_counts(counts: Ints, *, n_resamples: int, seed: int) -> Ints:
    """Bootstrap the rows behind `counts`: (n_resamples, *counts.shape) tables.

    Drawing n rows with replacement and counting them is one draw from a multinomial with the observed shares, so the
    rows themselves are not needed. This is exact, and its cost does not grow with n. Raises ``ValueError`` without
    rows.
    """
    total = int(counts.sum())
    if total == 0:
        raise ValueError("nothing to resample: no rows")
    draws = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, size=n_resamples)
    return draws.reshape(n_resamples, *counts.shape)


def confusion_table(labels: Ints, predictions: Ints) -> Ints:
    """(3, 3) counts in the order of ``LABELS``, from two columns (n,) of classes."""
    return joint_counts(labels, predictions)


def joint_counts(*columns: Ints) -> Ints:
    """How often each combination of the `columns` (n,) of classes occurs: one axis of 3 for each column.

    Raises ``ValueError`` if a value is not in 0 … 2 or the columns differ in length.
    """
    shape = (len(LABELS),) * len(columns)
    flat = np.ravel_multi_index(tuple(np.asarray(column) for column in columns), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.int64)


def precision_of(tables: Tables) -> Floats:
    """(…, classes): the share of a class's predictions that are right."""
    return _ratio(_hits(tables), tables.sum(axis=-2))


def recall_of(tables: Tables) -> Floats:
    """(…, classes): the share of a class's rows that are predicted as it."""
    return _ratio(_hits(tables), tables.sum(axis=-1))


def f1_of(tables: Tables) -> Floats:
    """(…, classes): the harmonic mean of precision and recall."""
    return _ratio(2 * _hits(tables), tables.sum(axis=-1) + tables.sum(axis=-2))


def macro_f1_of(tables: Tables) -> Floats:
    """(…): the mean F1 of the classes that occur as label or prediction."""
    occurs = (tables.sum(axis=-1) + tables.sum(axis=-2)) > 0
    return _ratio(f1_of(tables).sum(axis=-1), occurs.sum(axis=-1))


def macro_recall_of(tables: Tables) -> Floats:
    """(…): the mean recall of the classes that occur as label."""
    return _ratio(recall_of(tables).sum(axis=-1), (tables.sum(axis=-1) > 0).sum(axis=-1))


def accuracy_of(tables: Tables) -> Floats:
    """(…): the share of rows whose prediction is the label."""
    return _ratio(_hits(tables).sum(axis=-1), tables.sum(axis=(-1, -2)))


def macro_f1(labels: Ints, predictions: Ints) -> float:
    """Mean F1 of the classes that occur in `labels` (n,) or `predictions` (n,), like scikit-learn's."""
    return float(macro_f1_of(confusion_table(labels, predictions)))


def _hits(tables: Tables) -> NDArray[np.number]:
    return np.diagonal(tables, axis1=-2, axis2=-1)


def _ratio(above: NDArray[np.number], below: NDArray[np.number]) -> Floats:
    quotient: Floats = np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) != 0)
    return quotient
