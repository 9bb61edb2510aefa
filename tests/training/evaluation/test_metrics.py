"""Calibration error, Brier score and log loss, against their definitions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss

from training.evaluation.metrics import brier_score, expected_calibration_error, log_loss

RANDOM = np.random.default_rng(2)
PROBABILITIES = RANDOM.dirichlet((0.6, 0.6, 0.6), size=300)
LABELS = RANDOM.integers(0, 3, size=300)


def test_the_calibration_error_is_the_mean_gap_over_bins() -> None:
    """The vectorised metric agrees with the definition, bin by bin."""
    confidence, hit = PROBABILITIES.max(axis=1), PROBABILITIES.argmax(axis=1) == LABELS
    expected = 0.0
    for lower in range(15):
        inside = (confidence > lower / 15) & (confidence <= (lower + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(hit[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(PROBABILITIES, LABELS) == pytest.approx(expected)


def test_the_calibration_error_of_certainty() -> None:
    """Certain and right is 0, certain and wrong is 1."""
    certain = np.eye(3)
    assert expected_calibration_error(certain, np.array([0, 1, 2])) == 0.0
    assert expected_calibration_error(certain, np.array([1, 2, 0])) == 1.0


def test_brier_of_known_answers() -> None:
    """0 for certain and right, 2 for certain and wrong, 2/3 for three equal probabilities."""
    assert brier_score(np.array([[1.0, 0.0, 0.0]]), np.array([0])) == 0.0
    assert brier_score(np.array([[1.0, 0.0, 0.0]]), np.array([1])) == 2.0
    assert brier_score(np.full((1, 3), 1 / 3), np.array([2])) == pytest.approx(2 / 3)


def test_log_loss_is_scikit_learns() -> None:
    """In nats; a true label with probability 0 gives a large but finite loss."""
    assert log_loss(PROBABILITIES, LABELS) == pytest.approx(sklearn_log_loss(LABELS, PROBABILITIES))
    assert 20.0 < log_loss(np.array([[1.0, 0.0, 0.0]]), np.array([1])) < 30.0
