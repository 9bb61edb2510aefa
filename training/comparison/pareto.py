"""Which choices are not beaten in everything by another."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, ...]]) -> list[bool]:
    """For each point, whether no other is at least as good in every coordinate and better in one. Higher is better.

    Equal points are both on the front or both off it.
    """
    return [not any(_dominates(other, point) for other in points) for point in points]


def _dominates(other: tuple[float, ...], point: tuple[float, ...]) -> bool:
    return other != point and all(theirs >= ours for theirs, ours in zip(other, point, strict=True))
