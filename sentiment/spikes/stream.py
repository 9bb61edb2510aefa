"""One partition of results: its clock, its segments, and which of their states have changed.

All results of a segment are in one partition. Partitions share nothing, so they can move between workers one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sentiment.spikes.buckets import MINUTE_MS, Fate
from sentiment.spikes.duplicates import RecentEvents
from sentiment.spikes.parts import Part
from sentiment.spikes.segment import EpisodeChange, SpikeConfig, SpikeObservation, close, observe
from sentiment.spikes.segment_state import SegmentState, StreamState
from sentiment.spikes.silences import Silenced, nobody

FORGET_DAYS = 60
"""A segment without results for this long is forgotten. If it returns, it is learnt again."""

FORGET_PART_DAYS = 14
"""The same for parts of a product: their number is limited, and versions come and go."""

_DAY_MS = 1_440 * MINUTE_MS
_NEVER = -1
"""A minute before all others, at which nothing is due."""


@dataclass(frozen=True, slots=True)
class UnsavedStates:
    """States that changed since they were last written. `forgotten` names segments whose state is to be deleted."""

    stream: StreamState | None
    segments: list[SegmentState]
    forgotten: list[str]


class StreamMonitor:
    """Detection over one partition. Feed it results in offset order, and call `advance` now and then."""

    def __init__(
        self, config: SpikeConfig, stream: StreamState | None = None, segments: Iterable[SegmentState] = ()
    ) -> None:
        self._config = config
        self.stream = StreamState() if stream is None else stream
        self.segments: dict[str, SegmentState] = {}
        self._families: dict[str, set[str]] = {}
        """The segments of each product."""
        for state in segments:
            self._add(state)
        self._recent = RecentEvents()
        self._changed: set[str] = set()
        self._moved = False

    def remember(self, offset: int, seen: SpikeObservation) -> None:
        """Note the event of a result that the state includes already, in offset order and before any `observe`."""
        if not self._is_future(seen):
            self._recent.add(offset, seen.event)

    def observe(self, offset: int, seen: SpikeObservation) -> Fate | None:
        """Add the result at an offset. Returns None if the state includes it already."""
        if not self.skip(offset):
            return None
        fate = self._fate(offset, seen)
        self.stream.fates[fate] = self.stream.fates.get(fate, 0) + 1
        return fate

    def skip(self, offset: int) -> bool:
        """Pass an offset without a usable result. Returns False if the state is past it already."""
        if offset < self.stream.next_offset:
            return False
        self.stream.next_offset = offset + 1
        self._moved = True
        return True

    def advance(
        self,
        *,
        feeds: Collection[str],
        idle_ms: Mapping[str, int],
        finite: bool = False,
        silenced: Silenced = nobody,
    ) -> list[EpisodeChange]:
        """Move the clock (see `FeedClock.advance`) and evaluate the minutes that this closes, segments by name."""
        clock = self.stream.clock
        before = clock.watermark_ms
        watermark_ms = clock.advance(feeds=feeds, idle_ms=idle_ms, lateness_ms=self._config.lateness_ms, finite=finite)
        minute = _NEVER if watermark_ms is None else watermark_ms // MINUTE_MS
        stands = minute == (_NEVER if before is None else before // MINUTE_MS)
        self._moved = self._moved or not stands
        changes: list[EpisodeChange] = []
        for product in sorted(self._families):
            family = self.family_of(product)
            if stands and not any(state.open.is_full for state in family):
                continue
            due = {state.segment for state in family if _has_due(state, minute)}
            if not due and all(state.episode is None for state in family):
                continue
            self._changed |= due
            found = close(family, minute, self._config, silenced)
            self._changed |= {change.segment for change in found}
            changes += found
        if not stands and before is not None and before // _DAY_MS != minute * MINUTE_MS // _DAY_MS:
            self._forget_unused(minute)
        return changes

    def take_changed(self) -> UnsavedStates:
        """The states to write. The next call returns only what changed after this one."""
        changed = UnsavedStates(
            stream=self.stream if self._moved else None,
            segments=[self.segments[name] for name in sorted(self._changed & self.segments.keys())],
            forgotten=sorted(self._changed - self.segments.keys()),
        )
        self._moved = False
        self._changed.clear()
        return changed

    def family_of(self, segment: str) -> list[SegmentState]:
        """The states of the product of a segment, and of its parts."""
        state = self.segments.get(segment)
        names = self._families.get(segment if state is None else state.product, ())
        return [self.segments[name] for name in names]

    def _add(self, state: SegmentState) -> SegmentState:
        self.segments[state.segment] = state
        self._families.setdefault(state.product, set()).add(state.segment)
        return state

    def _forget_unused(self, minute: int) -> None:
        """Forget segments that no longer get results (old versions, past campaigns), to free memory."""
        for name, state in list(self.segments.items()):
            days = FORGET_DAYS if state.part_of is None else FORGET_PART_DAYS
            if state.episode is None and state.last_minute < minute - days * 1_440:
                del self.segments[name]
                self._families[state.product].discard(name)
                self._changed.add(name)
        self._families = {product: names for product, names in self._families.items() if names}

    def _fate(self, offset: int, seen: SpikeObservation) -> Fate:
        if self._is_future(seen):
            return Fate.FUTURE
        is_copy = self._recent.add(offset, seen.event)
        self.stream.clock.observe(seen.feed, seen.event_ms)
        if self.stream.clock.is_late(seen.event_ms):
            return Fate.LATE
        if is_copy:
            return Fate.DUPLICATE
        if seen.left_out:
            return Fate.LEFT_OUT
        state = self.segments.get(seen.segment) or self._add(SegmentState(segment=seen.segment))
        if not observe(state, seen):
            return Fate.LATE
        self._changed.add(seen.segment)
        for part in seen.parts:
            self._observe_part(part, seen)
        return Fate.COUNTED

    def _observe_part(self, part: Part, seen: SpikeObservation) -> None:
        """Count a result for a part too, unless its product has as many parts as are watched."""
        state = self.segments.get(part.segment)
        if state is None:
            if len(self.family_of(seen.segment)) > self._config.max_parts:
                return
            state = self._add(SegmentState(segment=part.segment, part_of=seen.segment, part_kind=part.kind))
        if state.part_of == seen.segment and observe(state, seen):
            self._changed.add(part.segment)

    def _is_future(self, seen: SpikeObservation) -> bool:
        return seen.event_ms > seen.scored_ms + self._config.future_ms


def _has_due(state: SegmentState, minute: int) -> bool:
    return state.open.is_full or min(state.open.counts, default=minute) < minute
