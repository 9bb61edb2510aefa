"""Which choices are not beaten by another, where differences that may be chance count for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Choice = TypeVar("Choice")
Better = Callable[[Choice, Choice], bool]
"""Whether the first is surely better than the second, in one respect."""


def pareto_front(choices: Sequence[Choice], respects: Sequence[Better[Choice]]) -> list[bool]:
    """For each choice, whether no other beats it: is surely better in one respect, and surely worse in none.

    With respects that are exact orders this is the usual front. With intervals, a choice that seems better by chance
    does not stay on the front for that alone, and one that seems worse by chance does not leave it.
    """
    return [not any(_beats(other, choice, respects) for other in choices if other is not choice) for choice in choices]


def _beats(other: Choice, choice: Choice, respects: Sequence[Better[Choice]]) -> bool:
    gains = any(better(other, choice) for better in respects)
    return gains and not any(better(choice, other) for better in respects)
