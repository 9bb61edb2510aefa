"""The Pareto front against its definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from training.comparison.pareto import pareto_front

points_of_two = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (*map(float, pair),)))


def test_the_front_is_what_nobody_beats_on_both() -> None:
    """A point that is better in one coordinate than each other point is on the front."""
    assert pareto_front([(0.7, 100.0), (0.8, 50.0), (0.6, 60.0), (0.7, 90.0)]) == [True, True, False, False]


@given(points_of_two)
def test_every_point_behind_the_front_is_beaten_by_one_on_it(points: list[tuple[float, ...]]) -> None:
    """Every point off the front is beaten by one on it, and no two points on it beat each other."""
    on_front = pareto_front(points)
    front = [point for point, is_on in zip(points, on_front, strict=True) if is_on]
    for point, is_on in zip(points, on_front, strict=True):
        beaten = any(other != point and all(a >= b for a, b in zip(other, point, strict=True)) for other in front)
        assert beaten != is_on


def test_equal_points_are_on_the_front_together() -> None:
    """Equal points are both on the front."""
    assert pareto_front([(1.0, 1.0), (1.0, 1.0)]) == [True, True]
