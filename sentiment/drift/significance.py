"""A permutation test for two histograms: could chance alone explain the difference?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sentiment.drift.divergence import g_statistic

_FIRST_DRAWS = 999
_PLAINLY_CHANCE = 0.05
_ROUNDING = 1e-9


def permutation_p_value(reference: ArrayLike, window: ArrayLike, rng: np.random.Generator, *, n_draws: int) -> float:
    """The chance of a G statistic at least this large if the results were dealt to the two samples at random.

    Dealing all results again, with fixed sample sizes, draws the window's histogram from the multivariate
    hypergeometric distribution of the pooled one. So the test is exact for any number of results and bins, even sparse
    ones. The +1 that keeps it from being zero is from Phipson & Smyth 2010. Returns 1.0 if there is nothing to compare.

    If 999 draws give p ≥ 0.05, chance is enough of an explanation, and the remaining draws are skipped (after Besag &
    Clifford 1991). Below 0.05 the p-value is from all `n_draws`, and at least 1 / (n_draws + 1).

    The test assumes independent results. Feedback comes in bursts, so windows of a real stream differ a little more.
    Therefore an alarm also needs a minimum effect size (`sentiment.drift.comparison`).
    """
    first, second = np.asarray(reference, dtype=np.int64), np.asarray(window, dtype=np.int64)
    pooled = first + second
    used = pooled > 0
    pooled, second = pooled[used], second[used]
    n_window = int(second.sum())
    if len(pooled) < 2 or n_window == 0 or n_window == pooled.sum():
        return 1.0
    observed = g_statistic(pooled, second)[0] - _ROUNDING

    def exceeding(draws: int) -> int:
        dealt = rng.multivariate_hypergeometric(pooled, n_window, size=draws, method="marginals")
        return int((g_statistic(pooled, dealt) >= observed).sum())

    n_first = min(_FIRST_DRAWS, n_draws)
    n_exceeding = exceeding(n_first)
    p_first = (1 + n_exceeding) / (1 + n_first)
    if p_first >= _PLAINLY_CHANCE or n_first == n_draws:
        return p_first
    return (1 + n_exceeding + exceeding(n_draws - n_first)) / (1 + n_draws)
