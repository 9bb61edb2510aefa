"""The Pareto front against its definition."""

from __future__ import annotations

import operator

from hypothesis import given
from hypothesis import strategies as st

from training.comparison.pareto import pareto_front

Point = tuple[float, float]
points_of_two = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (*map(float, pair),)))
EXACT = tuple(lambda one, other, axis=axis: operator.gt(one[axis], other[axis]) for axis in (0, 1))


def beyond(noise: float):  # type: ignore[no-untyped-def]
    """Better by more than `noise`, in each coordinate."""
    return tuple(lambda one, other, axis=axis: one[axis] > other[axis] + noise for axis in (0, 1))


def test_the_front_is_what_nobody_beats_on_both() -> None:
    """A point that is better in one coordinate than each other point is on the front."""
    points: list[Point] = [(0.7, 100.0), (0.8, 50.0), (0.6, 60.0), (0.7, 90.0)]
    assert pareto_front(points, EXACT) == [True, True, False, False]


@given(points_of_two)
def test_every_point_behind_the_front_is_beaten_by_one_on_it(points: list[tuple[float, ...]]) -> None:
    """In exact orders: every point off the front is beaten by one on it, and no two on it beat each other."""
    on_front = pareto_front(points, EXACT)
    front = [point for point, is_on in zip(points, on_front, strict=True) if is_on]
    for point, is_on in zip(points, on_front, strict=True):
        beaten = any(other != point and all(a >= b for a, b in zip(other, point, strict=True)) for other in front)
        assert beaten != is_on


def test_equal_points_are_on_the_front_together() -> None:
    """Equal points are both on the front."""
    assert pareto_front([(1.0, 1.0), (1.0, 1.0)], EXACT) == [True, True]


def test_chance_neither_keeps_a_point_on_the_front_nor_takes_it_off() -> None:
    """Slower and better by a hair: off. Slower by a hair and worse by a hair: on. Surely better: on."""
    fast, slow, twin, better = (0.70, 9.0), (0.71, 5.0), (0.69, 8.9), (1.0, 1.0)
    assert pareto_front([fast, slow, twin, better], beyond(0.2)) == [True, False, True, True]
