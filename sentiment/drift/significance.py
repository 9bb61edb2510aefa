"""Could chance alone have done this? A permutation test for two histograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sentiment.drift.divergence import g_statistic

_FIRST_DRAWS = 999
_PLAINLY_CHANCE = 0.05
_ROUNDING = 1e-9


def permutation_p_value(reference: ArrayLike, window: ArrayLike, rng: np.random.Generator, *, n_draws: int) -> float:
    """The chance of a G statistic at least this large when results are dealt to the two samples at random.

    Dealing all results anew with fixed sample sizes draws the window's histogram from the multivariate hypergeometric
    distribution of the pooled one, so the test is exact for any number of results and bins, sparse ones too
    (Phipson & Smyth 2010 for the +1 that keeps it from being zero). 1.0 where nothing can be told.

    Where 999 draws show plainly that chance suffices (p ≥ 0.05) the rest are spared, after Besag & Clifford 1991; below
    0.05 the p-value is the one of all `n_draws`, and never less than 1 / (n_draws + 1).

    It takes results for independent. Feedback comes in bursts, so windows of a real stream differ a little more than
    that: hence a least effect size beside it (`sentiment.drift.comparison`).
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
