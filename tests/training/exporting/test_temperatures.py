"""Fitting a temperature, against scipy and against temperatures that were put in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from sentiment.calibration import apply_temperature
from training.evaluation.metrics import log_loss
from training.exporting.temperatures import fit_temperature


def sample(n: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits, and labels drawn from their softmax: calibrated by construction."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2.0, size=(n, 3))
    return logits, np.array([random.choice(3, p=row) for row in apply_temperature(logits, 1.0)])


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_fit_finds_the_temperature_that_was_put_in(factor: float) -> None:
    """Multiplying calibrated logits multiplies the fitted temperature."""
    logits, labels = sample(4_000, 0)
    assert fit_temperature(logits * factor, labels) == pytest.approx(factor, rel=0.05)


def test_the_fit_is_the_optimum_of_scipy() -> None:
    """A library's bounded minimiser of the log loss finds the same point."""
    logits, labels = sample(500, 1)
    oracle = minimize_scalar(
        lambda log_t: log_loss(apply_temperature(logits, math.exp(log_t)), labels), bounds=(-3, 3), method="bounded"
    )
    assert fit_temperature(logits, labels) == pytest.approx(math.exp(oracle.x), rel=1e-4)


@pytest.mark.parametrize(("labels", "message"), [([0], "a label for each row"), ([0, 3], "labels must be in")])
def test_labels_that_do_not_belong_to_the_rows_are_refused(labels: list[int], message: str) -> None:
    """Too few labels, or one that is not a column."""
    with pytest.raises(ValueError, match=message):
        fit_temperature(np.zeros((2, 3)), labels)
