"""Do two models differ by more than chance on the same rows? McNemar's test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2

# With fewer rows on which exactly one is right, the χ² approximation is poor, and the exact test is cheap.
_EXACT_BELOW = 1_000


@dataclass(frozen=True, slots=True)
class McNemar:
    """`only_a` rows were right in a alone, `only_b` in b alone. `p_value` is two-sided; `exact`: the binomial test."""

    only_a: int
    only_b: int
    p_value: float
    exact: bool


def mcnemar(labels: NDArray[np.int64], chosen_a: NDArray[np.int64], chosen_b: NDArray[np.int64]) -> McNemar:
    """McNemar 1947: are a and b right equally often? All arrays are (n,) of classes.

    It compares accuracy, not macro-F1. Rows on which both are right or both wrong say nothing. With few other rows the
    exact binomial test is used, otherwise χ² with the continuity correction (Edwards 1948).
    """
    right_a, right_b = chosen_a == labels, chosen_b == labels
    return mcnemar_of(int((right_a & ~right_b).sum()), int((~right_a & right_b).sum()))


def mcnemar_of(only_a: int, only_b: int) -> McNemar:
    """The test from the two counts, each ≥ 0."""
    discordant = only_a + only_b
    if discordant < _EXACT_BELOW:
        p_value = float(binomtest(only_a, discordant).pvalue) if discordant else 1.0
        return McNemar(only_a, only_b, p_value, exact=True)
    statistic = max(abs(only_a - only_b) - 1, 0) ** 2 / discordant
    return McNemar(only_a, only_b, float(chi2.sf(statistic, df=1)), exact=False)
