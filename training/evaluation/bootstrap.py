"""How far a measure may be off because these rows were drawn and not others: the percentile bootstrap.

Efron 1979. An interval speaks of rows drawn as these were: it knows nothing of other sources, other years, or labels
that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.confusion import joint_counts, macro_f1_of, resample_counts

DEFAULT_RESAMPLES = 1000
DEFAULT_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of a confidence interval, in the unit of the measure; low ≤ high."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Macro-F1 of a minus that of b on the same rows, with a 95 % interval.

    `p_value` is two-sided: how often a resample's difference lies on the other side of 0 or on it, times two. It is
    never below 2 / (n_resamples + 1).
    """

    difference: float
    low: float
    high: float
    p_value: float


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], float],
    n: int,
    *,
    seed: int,
    n_resamples: int = DEFAULT_RESAMPLES,
    level: float = DEFAULT_LEVEL,
) -> Interval:
    """The percentile interval of `statistic`, which gets the indices (n,) of resampled rows, with repetitions.

    `level` in (0, 1) is the share of resamples between the ends. Raises ``ValueError`` without rows.
    """
    if n < 1:
        raise ValueError("nothing to resample: no rows")
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, n, size=n)) for _ in range(n_resamples)]
    return percentile_interval(np.array(values, dtype=np.float64), level)


def percentile_interval(values: NDArray[np.float64], level: float = DEFAULT_LEVEL) -> Interval:
    """The ends between which the middle `level` of resampled `values` (resamples,) lie."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level is in (0, 1), not {level}")
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(high))


def paired_bootstrap(
    labels: NDArray[np.int64],
    chosen_a: NDArray[np.int64],
    chosen_b: NDArray[np.int64],
    *,
    seed: int,
    n_resamples: int = DEFAULT_RESAMPLES,
) -> PairedDifference:
    """How much better the classes `chosen_a` (n,) are than `chosen_b` (n,) against the same `labels` (n,), in macro-F1.

    Rows are resampled once for both, through the counts of (label, a, b), so its cost does not grow with n.
    """
    counts = joint_counts(labels, chosen_a, chosen_b)
    resamples = resample_counts(counts, n_resamples=n_resamples, seed=seed)
    differences = _difference(resamples)
    interval = percentile_interval(differences)
    opposite = min(int((differences <= 0.0).sum()), int((differences >= 0.0).sum()))
    p_value = min(1.0, 2.0 * (opposite + 1) / (n_resamples + 1))
    return PairedDifference(float(_difference(counts)), interval.low, interval.high, p_value)


def _difference(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(…, label, a, b) counts to (…) differences: each one's confusion table is the sum over the other's axis."""
    return macro_f1_of(counts.sum(axis=-1)) - macro_f1_of(counts.sum(axis=-2))
