"""Paired differences, against resampling of rows."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.statistics import Estimate, bootstrap_interval, macro_f1
from training.evaluation.paired_bootstrap import paired_bootstrap

N_ROWS = 400


def answers(seed: int, accuracy: float, labels: np.ndarray) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.where(draw.random(len(labels)) < accuracy, labels, draw.integers(0, 3, size=len(labels)))


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(1).choice(3, size=N_ROWS, p=[0.25, 0.35, 0.4])


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
    assert fast.macro_f1.value == pytest.approx(macro_f1(labels, a) - macro_f1(labels, b), abs=1e-12)
    assert fast.macro_f1.low == pytest.approx(slow.low, abs=0.1 * spread)
    assert fast.macro_f1.high == pytest.approx(slow.high, abs=0.1 * spread)


def test_a_paired_difference_is_antisymmetric(labels: np.ndarray) -> None:
    """Exchanging both sides turns the difference and its interval around, and leaves the p-value, up to chance."""
    a, b = answers(2, 0.75, labels), answers(3, 0.6, labels)
    there, back = (paired_bootstrap(labels, *pair, seed=7, n_resamples=4000) for pair in ((a, b), (b, a)))
    assert there.macro_f1.value == -back.macro_f1.value
    assert there.macro_f1.low == pytest.approx(-back.macro_f1.high, abs=0.01)
    assert there.macro_f1.high == pytest.approx(-back.macro_f1.low, abs=0.01)
    assert there.p_value == pytest.approx(back.p_value, abs=0.01)


def test_equal_answers_do_not_differ(labels: np.ndarray) -> None:
    """A model does not differ from itself: difference 0, p-value 1."""
    a = answers(2, 0.75, labels)
    same = paired_bootstrap(labels, a, a, seed=7)
    assert (same.macro_f1, same.p_value) == (Estimate(0.0, 0.0, 0.0), 1.0)


def test_a_p_value_is_small_for_a_plain_difference_only(labels: np.ndarray) -> None:
    """Ten points apart on 400 rows is significant, two draws of the same quality are not; it is never zero."""
    good, other, poor = answers(2, 0.75, labels), answers(12, 0.75, labels), answers(3, 0.5, labels)
    assert paired_bootstrap(labels, good, poor, seed=7).p_value == pytest.approx(2 / 1001)
    assert paired_bootstrap(labels, good, other, seed=7).p_value > 0.05
