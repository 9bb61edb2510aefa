"""Temperature scaling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.calibration import apply_temperature


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


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_impossible_temperatures_are_refused(temperature: float) -> None:
    """A temperature is positive and finite."""
    with pytest.raises(ValueError, match="positive"):
        apply_temperature([[0.0, 1.0, 2.0]], temperature)
