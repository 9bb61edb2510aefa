"""The rule that makes a label of probabilities."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiment.decision import MOST_LIKELY, Decision

OFFSETS = st.tuples(*[st.floats(-2, 2)] * 3)


def drawn(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.5, 0.5, 0.5], size=50)


@given(st.integers(0, 999), OFFSETS)
def test_the_largest_log_probability_plus_offset_is_chosen(seed: int, offsets: tuple[float, float, float]) -> None:
    """As by definition; without offsets, that is the most likely label."""
    probabilities = drawn(seed)
    assert np.array_equal(MOST_LIKELY.choose(probabilities), probabilities.argmax(axis=1))
    chosen = Decision(offsets=offsets).choose(probabilities)
    sums = np.log(probabilities) + offsets
    rows = np.arange(len(chosen))
    assert np.allclose(sums[rows, chosen], sums.max(axis=1))


@given(st.integers(0, 999), OFFSETS, st.integers(0, 2), st.floats(0, 2))
def test_a_higher_offset_loses_no_row_of_its_label(
    seed: int, offsets: tuple[float, float, float], label: int, more: float
) -> None:
    """Rows of the label keep it, and of the others some may come over."""
    raised = [offset + more * (index == label) for index, offset in enumerate(offsets)]
    before = Decision(offsets=offsets).choose(drawn(seed))
    after = Decision(offsets=(raised[0], raised[1], raised[2])).choose(drawn(seed))
    assert (after[before == label] == label).all()
    assert ((after == before) | (after == label)).all()


def test_certainty_stays_certain() -> None:
    """A label with the probability 0 is never chosen, and there is no warning about its logarithm."""
    with np.errstate(all="raise"):
        assert Decision(offsets=(5.0, 0.0, -5.0)).choose([[0.0, 0.0, 1.0]]).tolist() == [2]
