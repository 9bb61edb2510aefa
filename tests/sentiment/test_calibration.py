"""Temperature scaling and its measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sentiment.calibration import (
    apply_temperature,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
)

Sample = tuple[NDArray[np.float64], NDArray[np.int64]]


def sample(n: int, seed: int) -> Sample:
    """Logits, and labels drawn from their softmax: calibrated by construction."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2.0, size=(n, 3))
    labels = [random.choice(3, p=row) for row in apply_temperature(logits, 1.0)]
    return logits, np.array(labels)


@given(st.floats(0.1, 10.0), st.integers(0, 2**32 - 1))
def test_a_temperature_keeps_the_label_and_gives_a_distribution(temperature: float, seed: int) -> None:
    """Rows sum to 1, lie in [0, 1], and their largest entry stays where it was."""
    logits = np.random.default_rng(seed).normal(scale=5.0, size=(20, 3))
    probabilities = apply_temperature(logits, temperature)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert probabilities.min() >= 0.0
    assert (probabilities.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_huge_logits_do_not_overflow() -> None:
    """The softmax is shifted by its maximum."""
    assert apply_temperature([[1e4, 0.0, -1e4]], 1.0).tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_fit_finds_the_temperature_that_was_put_in(factor: float) -> None:
    """Multiplying calibrated logits multiplies the fitted temperature."""
    logits, labels = sample(4_000, 0)
    assert fit_temperature(logits * factor, labels) == pytest.approx(factor, rel=0.05)


def test_the_fit_is_the_optimum_of_scipy() -> None:
    """A library's bounded minimiser finds the same point."""
    optimize = pytest.importorskip("scipy.optimize")
    logits, labels = sample(500, 1)
    oracle = optimize.minimize_scalar(
        lambda log_t: negative_log_likelihood(logits, labels, math.exp(log_t)), bounds=(-3, 3), method="bounded"
    )
    assert fit_temperature(logits, labels) == pytest.approx(math.exp(oracle.x), rel=1e-4)


def test_the_calibration_error_is_the_mean_gap_over_bins() -> None:
    """The vectorised measure agrees with the definition, bin by bin."""
    logits, labels = sample(300, 2)
    probabilities = apply_temperature(logits, 0.5)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    expected = 0.0
    for lower in range(15):
        inside = (confidence > lower / 15) & (confidence <= (lower + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(hit[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(probabilities, labels) == pytest.approx(expected)


def test_calibration_error_of_certainty() -> None:
    """Certain and right is 0, certain and wrong is 1."""
    certain = np.eye(3)
    assert expected_calibration_error(certain, [0, 1, 2]) == 0.0
    assert expected_calibration_error(certain, [1, 2, 0]) == 1.0


def test_brier_of_known_answers() -> None:
    """0 for certain and right, 2 for certain and wrong, 2/3 for knowing nothing."""
    assert brier_score([[1.0, 0.0, 0.0]], [0]) == 0.0
    assert brier_score([[1.0, 0.0, 0.0]], [1]) == 2.0
    assert brier_score([[1 / 3, 1 / 3, 1 / 3]], [2]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_impossible_temperatures_are_refused(temperature: float) -> None:
    """A temperature is positive and finite."""
    with pytest.raises(ValueError, match="positive"):
        apply_temperature([[0.0, 1.0, 2.0]], temperature)


@pytest.mark.parametrize(("labels", "message"), [([0], "expected 2 labels"), ([0, 3], "labels must be in")])
def test_labels_that_do_not_belong_to_the_rows_are_refused(labels: list[int], message: str) -> None:
    """Too few labels, or one that is no column."""
    with pytest.raises(ValueError, match=message):
        fit_temperature(np.zeros((2, 3)), labels)
