"""One partition of results: its clock, its segments, and which of their states have changed.

A segment's results are all in one partition, so partitions share nothing and can move between workers one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sentiment.spikes.buckets import MINUTE_MS, Fate
from sentiment.spikes.segment import Change, Observation, SpikeConfig, close, observe
from sentiment.spikes.segment_state import SegmentState, StreamState

_NEVER = -1
"""A minute before all others: nothing is due."""


class StreamMonitor:
    """Detection over one partition. Feed it results in offset order, and let it `advance` now and then."""

    def __init__(
        self, config: SpikeConfig, stream: StreamState | None = None, segments: Iterable[SegmentState] = ()
    ) -> None:
        self._config = config
        self.stream = StreamState() if stream is None else stream
        self.segments = {state.segment: state for state in segments}
        self._changed: set[str] = set()
        self._moved = False

    def observe(self, offset: int, seen: Observation) -> Fate | None:
        """Take in the result at an offset; None where the state holds it already."""
        if not self.skip(offset):
            return None
        fate = self._fate(seen)
        self.stream.fates[fate] = self.stream.fates.get(fate, 0) + 1
        return fate

    def skip(self, offset: int) -> bool:
        """Pass an offset without a usable result; False where the state is further already."""
        if offset < self.stream.next_offset:
            return False
        self.stream.next_offset = offset + 1
        self._moved = True
        return True

    def advance(self, *, sources: Collection[str], idle_ms: Mapping[str, int], finite: bool = False) -> list[Change]:
        """Move the clock (see `SourceClock.advance`) and work off what that closes, segments in order of name."""
        clock = self.stream.clock
        before = clock.watermark_ms
        watermark_ms = clock.advance(
            sources=sources, idle_ms=idle_ms, lateness_ms=self._config.lateness_ms, finite=finite
        )
        minute = _NEVER if watermark_ms is None else watermark_ms // MINUTE_MS
        stands = minute == (_NEVER if before is None else before // MINUTE_MS)
        self._moved = self._moved or not stands
        changes: list[Change] = []
        for name in sorted(self.segments):
            state = self.segments[name]
            if stands and not state.open.is_full:
                continue
            has_due = state.open.is_full or min(state.open.counts, default=minute) < minute
            found = close(state, minute, self._config)
            if has_due or found:
                self._changed.add(name)
            changes += found
        return changes

    def take_changed(self) -> tuple[StreamState | None, list[SegmentState]]:
        """The states to be written, once: the stream's where it moved, and the segments' that changed."""
        stream = self.stream if self._moved else None
        changed = [self.segments[name] for name in sorted(self._changed)]
        self._moved = False
        self._changed.clear()
        return stream, changed

    def _fate(self, seen: Observation) -> Fate:
        if seen.event_ms > seen.scored_ms + self._config.future_ms:
            return Fate.FUTURE
        self.stream.clock.observe(seen.source, seen.event_ms)
        if self.stream.clock.is_late(seen.event_ms):
            return Fate.LATE
        if seen.left_out:
            return Fate.LEFT_OUT
        state = self.segments.get(seen.segment)
        if state is None:
            state = self.segments[seen.segment] = SegmentState(segment=seen.segment)
        if not observe(state, seen, self._config):
            return Fate.LATE
        self._changed.add(seen.segment)
        return Fate.COUNTED
