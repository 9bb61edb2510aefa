"""Intervals and paired differences, against scipy and resampling of rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from training.evaluation.bootstrap import (
    Interval,
    bootstrap_interval,
    paired_bootstrap,
    percentile_interval,
)
from training.evaluation.metrics import macro_f1

N_ROWS = 400


def answers(seed: int, accuracy: float, labels: np.ndarray) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.where(draw.random(len(labels)) < accuracy, labels, draw.integers(0, 3, size=len(labels)))


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(1).choice(3, size=N_ROWS, p=[0.25, 0.35, 0.4])


def test_an_interval_of_a_mean_is_scipys() -> None:
    """For the mean of a skewed sample the ends are those of scipy's percentile bootstrap, up to chance."""
    sample = np.random.default_rng(3).exponential(size=300)
    ours = bootstrap_interval(lambda rows: float(sample[rows].mean()), len(sample), seed=5, n_resamples=4000)
    theirs = stats.bootstrap(
        (sample,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(5)
    ).confidence_interval
    spread = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * spread)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * spread)


def test_an_interval_repeats_with_its_seed_and_widens_with_its_level() -> None:
    """The same seed gives the same ends; a higher level contains a lower one."""
    sample = np.random.default_rng(3).normal(size=100)

    def mean(rows: np.ndarray) -> float:
        return float(sample[rows].mean())

    narrow = bootstrap_interval(mean, 100, seed=5, n_resamples=300, level=0.5)
    wide = bootstrap_interval(mean, 100, seed=5, n_resamples=300, level=0.99)
    assert bootstrap_interval(mean, 100, seed=5, n_resamples=300, level=0.5) == narrow
    assert wide.low < narrow.low < narrow.high < wide.high


def test_what_cannot_be_resampled_is_refused() -> None:
    """No rows, or a level that is no share, is an error and not an empty interval."""
    with pytest.raises(ValueError, match="no rows"):
        bootstrap_interval(lambda _: 0.0, 0, seed=1)
    with pytest.raises(ValueError, match="level"):
        percentile_interval(np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="no rows"):
        paired_bootstrap(*np.zeros((3, 0), dtype=np.int64), seed=1)


def test_a_paired_difference_is_that_of_resampled_rows(labels: np.ndarray) -> None:
    """Resampling counts gives the interval that resampling rows gives, up to chance."""
    a, b = answers(2, 0.75, labels), answers(3, 0.6, labels)
    fast = paired_bootstrap(labels, a, b, seed=7, n_resamples=4000)
    slow = bootstrap_interval(
        lambda rows: macro_f1(labels[rows], a[rows]) - macro_f1(labels[rows], b[rows]),
        N_ROWS,
        seed=8,
        n_resamples=800,
    )
    spread = slow.high - slow.low
    assert fast.difference == pytest.approx(macro_f1(labels, a) - macro_f1(labels, b), abs=1e-12)
    assert fast.low == pytest.approx(slow.low, abs=0.1 * spread)
    assert fast.high == pytest.approx(slow.high, abs=0.1 * spread)


def test_a_paired_difference_is_antisymmetric(labels: np.ndarray) -> None:
    """Exchanging both sides turns the difference and its interval around, and leaves the p-value, up to chance."""
    a, b = answers(2, 0.75, labels), answers(3, 0.6, labels)
    there, back = (paired_bootstrap(labels, *pair, seed=7, n_resamples=4000) for pair in ((a, b), (b, a)))
    assert there.difference == -back.difference
    assert there.low == pytest.approx(-back.high, abs=0.01)
    assert there.high == pytest.approx(-back.low, abs=0.01)
    assert there.p_value == pytest.approx(back.p_value, abs=0.01)


def test_equal_answers_do_not_differ(labels: np.ndarray) -> None:
    """A model against itself differs by nothing, surely."""
    a = answers(2, 0.75, labels)
    same = paired_bootstrap(labels, a, a, seed=7)
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_a_p_value_is_small_for_a_plain_difference_only(labels: np.ndarray) -> None:
    """Ten points apart on 400 rows is significant, two draws of the same quality are not; it is never zero."""
    good, other, poor = answers(2, 0.75, labels), answers(12, 0.75, labels), answers(3, 0.5, labels)
    assert paired_bootstrap(labels, good, poor, seed=7).p_value == pytest.approx(2 / 1001)
    assert paired_bootstrap(labels, good, other, seed=7).p_value > 0.05


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Over many samples of a known mean, an interval of 80 % holds it in about 80 % of the cases."""
    draw = np.random.default_rng(11)
    held = 0
    for seed in range(200):
        sample = draw.normal(size=60)
        found: Interval = bootstrap_interval(
            lambda rows, sample=sample: float(sample[rows].mean()), 60, seed=seed, n_resamples=200, level=0.8
        )
        held += found.low <= 0.0 <= found.high
    assert 0.7 < held / 200 < 0.88
