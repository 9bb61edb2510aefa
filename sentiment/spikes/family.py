"""A product and its parts: one budget of false alarms, and one page for one incident.

The product has half of the budget, its parts share the other half. Whoever alarms first tells people of the incident:

- a part tells nothing while its product has told, or a part of another kind: the results are largely the same;
- parts of one kind share no result, so each tells for itself;
- a product tells nothing if its rise is that of one of its parts, or of parts of one kind. If the rest is raised too,
  it tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from sentiment.spikes.detector import chance
from sentiment.spikes.episodes import Episode, WindowCounts, whole_window
from sentiment.spikes.segment_state import SegmentState

REST_IS_RAISED = 0.01
"""If the rest of a product is less probable than this by chance, it is raised."""

_NOT_ALL = 0.9


class Family:
    """The states of a product and its parts."""

    def __init__(self, states: Iterable[SegmentState]) -> None:
        members = sorted(states, key=lambda state: state.segment)
        self.whole = next((state for state in members if state.part_of is None), None)
        self.parts = [state for state in members if state.part_of is not None]

    @property
    def members(self) -> list[SegmentState]:
        """The parts, then the product: what a part explains need not be told of the product."""
        return [*self.parts, *([] if self.whole is None else [self.whole])]

    def budget_share(self, state: SegmentState) -> float:
        """The part of the product's budget that is this segment's, in (0, 1]."""
        if not self.parts:
            return 1.0
        return 0.5 if state.part_of is None else 0.5 / len(self.parts)

    def teller(self, state: SegmentState, episode: Episode) -> str | None:
        """The segment that tells people of the incident in which an episode opens; None if it is this one."""
        return self._explains(episode) if state.part_of is None else self._covers(state)

    def most_affected(self, state: SegmentState) -> str | None:
        """The part whose rise is that of its product, so that the rest is as usual; None if there is none."""
        if state.part_of is not None or state.episode is None:
            return None
        whole = whole_window(state.episode)
        raised = [(window, part.segment) for part in self.parts if (window := _raised(part)) is not None]
        alone = [
            (window.negatives, segment)
            for window, segment in raised
            if window.n < _NOT_ALL * whole.n and _rest_is_usual(state.episode, [window])
        ]
        return max(alone, default=(0, None))[1]

    def _covers(self, part: SegmentState) -> str | None:
        whole = self.whole
        if whole is not None and whole.episode is not None and whole.episode.told_by is None:
            return whole.segment
        others = (other for other, _ in self._telling() if other.part_kind != part.part_kind)
        return next((other.segment for other in others), None)

    def _explains(self, episode: Episode) -> str | None:
        for _, group in groupby(sorted(self._telling(), key=_kind), _kind):
            telling = list(group)
            if _rest_is_usual(episode, [window for _, window in telling]):
                return max(telling, key=lambda each: each[1].negatives)[0].segment
        return None

    def _telling(self) -> Iterator[tuple[SegmentState, WindowCounts]]:
        for part in self.parts:
            if part.episode is not None and part.episode.told_by is None:
                yield part, whole_window(part.episode)


def _rest_is_usual(episode: Episode, parts: Sequence[WindowCounts]) -> bool:
    """Whether the results of an episode without those of `parts`, which share none, are as expected."""
    whole = whole_window(episode)
    n = max(whole.n - sum(part.n for part in parts), 0)
    negatives = min(max(whole.negatives - sum(part.negatives for part in parts), 0), n)
    return chance(n, negatives, n * whole.design_effect, episode.expected) >= REST_IS_RAISED


def _kind(telling: tuple[SegmentState, WindowCounts]) -> str:
    return telling[0].part_kind


def _raised(part: SegmentState) -> WindowCounts | None:
    """The counts of a part's episode, or of its evidence."""
    if part.episode is not None:
        return whole_window(part.episode)
    top = max(part.bank, key=lambda evidence: evidence.statistic, default=None)
    return None if top is None else WindowCounts(top.n, top.negatives, top.dispersed_n)
