"""Windows over long texts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.chunking import Windows, combine_windows, split_windows

SHAPES = st.integers(1, 60).flatmap(lambda capacity: st.tuples(st.just(capacity), st.integers(0, capacity - 1)))


@given(st.integers(0, 500), SHAPES, st.integers(1, 12))
def test_windows_cover_the_text_in_order_with_their_overlap(n: int, shape: tuple[int, int], most: int) -> None:
    """Windows fit, share at least the overlap, leave no gap, and reach the end unless the text is truncated."""
    capacity, overlap = shape
    windows = split_windows(n, capacity=capacity, overlap=overlap, max_windows=most)
    spans = windows.spans
    assert 1 <= len(spans) <= most
    assert spans[0][0] == 0
    assert all(stop - start <= capacity for start, stop in spans)
    for (_, left_stop), (right_start, right_stop) in pairwise(spans):
        assert left_stop - right_start >= overlap
        assert right_stop > left_stop
    assert (spans[-1][1] == n) is not windows.truncated


@given(st.integers(0, 500), SHAPES)
def test_no_fewer_windows_would_do(n: int, shape: tuple[int, int]) -> None:
    """One window less, at full size, does not reach the end of the text."""
    capacity, overlap = shape
    count = len(split_windows(n, capacity=capacity, overlap=overlap, max_windows=1_000).spans)
    assert count == 1 or capacity + (count - 2) * (capacity - overlap) < n


def test_windows_are_of_nearly_equal_length() -> None:
    """A text just over the capacity gives two halves, not a full window and a stump."""
    assert split_windows(101, capacity=100, overlap=10, max_windows=4) == Windows(((0, 56), (45, 101)), False)


@pytest.mark.parametrize(("capacity", "overlap", "most"), [(10, 10, 1), (10, -1, 1), (10, 2, 0)])
def test_impossible_windows_are_refused(capacity: int, overlap: int, most: int) -> None:
    """An overlap as long as the window would never move on."""
    with pytest.raises(ValueError, match="overlap"):
        split_windows(5, capacity=capacity, overlap=overlap, max_windows=most)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 128)), min_size=1, max_size=8))
def test_windows_are_weighted_by_their_tokens(windows: list[tuple[float, int]]) -> None:
    """The answer is numpy's weighted average, and still a distribution."""
    probabilities = np.array([[p, (1 - p) / 2, (1 - p) / 2] for p, _ in windows])
    tokens = np.array([n for _, n in windows])
    combined = combine_windows(probabilities, tokens)
    np.testing.assert_allclose(combined, np.average(probabilities, axis=0, weights=np.maximum(tokens, 1)))
    assert combined.sum() == pytest.approx(1.0)


def test_one_window_is_its_own_answer() -> None:
    """A short text's probabilities pass bit for bit."""
    row = np.array([[0.1, 0.2, 0.7]])
    assert combine_windows(row, np.array([7])).tolist() == row[0].tolist()


def test_windows_without_an_answer_are_noticed() -> None:
    """Fewer answers than windows is an error, not a shift."""
    with pytest.raises(ValueError, match="1 windows"):
        combine_windows(np.ones((1, 3)), np.array([1, 2]))
