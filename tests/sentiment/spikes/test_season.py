"""The usual share over the day and the week, against a logistic regression that sees all blocks at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sentiment.spikes.season import Season, SeasonPrior, features, logit_of, share_of

PRIOR = SeasonPrior()
STILL = SeasonPrior(level_drift=0.0, season_drift=0.0)
BLOCK = 30

blocks = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 60), st.floats(0, 1)),
    min_size=1,
    max_size=40,
    unique_by=lambda b: b[0],
)


def regression(counts: list[tuple[int, int, int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mode and covariance of a ridge logistic regression, by Newton's method."""
    x = np.array([features(minute) for minute, _, _ in counts])
    n, negatives = (np.array([each[place] for each in counts], dtype=float) for place in (1, 2))
    precision = np.diag(1 / np.array(PRIOR.variances()))
    mean = np.array([logit_of(PRIOR.share), *[0.0] * 6])
    weights = mean.copy()
    for _ in range(50):
        share = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (negatives - n * share) - precision @ (weights - mean)
        curvature = (x.T * (n * share * (1 - share))) @ x + precision
        weights = weights + np.clip(np.linalg.solve(curvature, slope), -2, 2)
    return weights, np.linalg.inv(curvature)


def test_two_weeks_are_learnt_as_by_regression() -> None:
    """Block by block gives the same coefficients, as well known, as all blocks at once."""
    rng = np.random.default_rng(5)
    season = Season.unknown(PRIOR)
    counts = []
    for block in range(14 * 48):
        minute = block * BLOCK
        share = 0.2 + 0.08 * np.sin(2 * np.pi * minute / 1_440)
        n = int(rng.poisson(40))
        if n:
            counts.append((minute, n, int(rng.binomial(n, share))))
            season.learn(*counts[-1], noise=0.0)
    weights, covariance = regression(counts)
    assert season.means == pytest.approx(weights, abs=0.02)
    assert np.array(season.covariances) == pytest.approx(covariance, rel=0.2, abs=2e-4)
    for hour in range(24):
        truth = 0.2 + 0.08 * np.sin(2 * np.pi * hour / 24)
        assert share_of(season.expected(14 * 1_440 + hour * 60)[0]) == pytest.approx(truth, abs=0.025)


@settings(max_examples=40, deadline=None)
@given(blocks, st.floats(0, 2))
def test_it_is_always_a_distribution(seen: list[tuple[int, int, float]], noise: float) -> None:
    """Whatever comes, variances stay positive and finite, and a block never makes its own minute less certain."""
    season = Season.unknown(PRIOR)
    for block, n, part in sorted(seen):
        minute = block * BLOCK
        before = season.expected(minute)[1]
        season.learn(minute, n, round(n * part), noise=noise)
        assert season.expected(minute)[1] <= before + 1e-12
        season.drift(PRIOR, BLOCK)
    eigenvalues = np.linalg.eigvalsh(np.array(season.covariances))
    assert eigenvalues.min() > 0
    assert np.isfinite(season.means).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 100_000), st.floats(0, 1), st.floats(0.01, 1))
def test_noise_bounds_what_a_block_can_teach(n: int, part: float, noise: float) -> None:
    """However large a block, it says no more about its logit than one value with the variance of the noise."""
    season = Season.unknown(STILL)
    before = season.expected(0)[1]
    season.learn(0, n, round(n * part), noise=noise)
    assert season.expected(0)[1] >= 1 / (1 / before + 1 / noise) - 1e-9


def test_old_blocks_fade() -> None:
    """After a change of level, the season follows within weeks; without drift it hardly moves."""
    moved = []
    for prior in (PRIOR, STILL):
        season = Season.unknown(prior)
        for block in range(8 * 7 * 48):
            season.learn(block * BLOCK, 40, 4 if block < 4 * 7 * 48 else 8, noise=0.0)
            season.drift(prior, BLOCK)
        moved.append(share_of(season.expected(0)[0]))
    assert moved[0] == pytest.approx(0.2, abs=0.01)
    assert moved[1] < 0.17


def test_a_new_level_keeps_the_season() -> None:
    """The share at that minute is the new one, the level is doubted, and the shape of the day stays."""
    season = Season.unknown(PRIOR)
    for block in range(7 * 48):
        season.learn(block * BLOCK, 60, 6 if block % 48 < 24 else 18, noise=0.0)
    shape = season.means[1:]
    season.loosen(1.0, 0.4, 600)
    assert share_of(season.expected(600)[0]) == pytest.approx(0.4)
    assert season.expected(600)[1] > 1.0
    assert season.means[1:] == shape
