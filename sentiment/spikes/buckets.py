"""Event-time minutes and the watermark that closes them.

Results of one segment come from several source partitions, scored by workers that are not equally far behind, so they
arrive out of order by as much as one worker lags another. Counts are therefore kept per event-time minute and a minute
is looked at only when the *watermark* has passed its end: the minimum over the source partitions that are not idle of
the newest event time seen, less the allowed lateness.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

import msgspec

MINUTE_MS = 60_000
MAX_OPEN_MINUTES = 12_288
"""Open minutes a segment keeps (eight days without a gap). Beyond it the oldest are closed early."""


class Fate(StrEnum):
    """What became of one result; the value is a metric label."""

    COUNTED = "counted"
    LEFT_OUT = "left_out"
    LATE = "late"
    FUTURE = "future"


class MinuteCounts(msgspec.Struct, frozen=True, array_like=True):
    """`n` results of one minute, `negatives` of them negative; `minute` counts from 1970 in UTC."""

    minute: int
    n: int
    negatives: int


class OpenMinutes(msgspec.Struct):
    """Counts of the minutes that are not closed yet; constant memory per minute, whatever its volume."""

    counts: dict[int, tuple[int, int]] = {}
    floor: int | None = None
    """Minutes before it were closed early."""

    def add(self, minute: int, *, negative: bool) -> bool:
        """Count one result; False, and not counted, where its minute was closed early."""
        if self.floor is not None and minute < self.floor:
            return False
        n, negatives = self.counts.get(minute, (0, 0))
        self.counts[minute] = (n + 1, negatives + negative)
        return True

    @property
    def is_full(self) -> bool:
        """Whether some must be closed early."""
        return len(self.counts) > MAX_OPEN_MINUTES

    def close(self, before_minute: int) -> list[MinuteCounts]:
        """Take out, in order, all minutes before `before_minute`, and the oldest above `MAX_OPEN_MINUTES`."""
        minutes = sorted(self.counts)
        excess = len(minutes) - MAX_OPEN_MINUTES
        if excess > 0:
            self.floor = minutes[excess]
        due = [minute for rank, minute in enumerate(minutes) if minute < before_minute or rank < excess]
        return [MinuteCounts(minute, *self.counts.pop(minute)) for minute in due]


class SourceClock(msgspec.Struct):
    """The event-time clock of one stream of results. Times are Unix milliseconds; the watermark never goes back."""

    newest_ms: dict[str, int] = {}
    watermark_ms: int | None = None

    def is_late(self, event_ms: int) -> bool:
        """Whether the minute of the event is closed already."""
        return self.watermark_ms is not None and event_ms // MINUTE_MS < self.watermark_ms // MINUTE_MS

    def observe(self, source: str, event_ms: int) -> None:
        """Note an event of a source partition."""
        self.newest_ms[source] = max(event_ms, self.newest_ms.get(source, event_ms))

    def advance(
        self, *, sources: Collection[str], idle_ms: Mapping[str, int], lateness_ms: int, finite: bool = False
    ) -> int | None:
        """Move the watermark as far as it may go, and return it (None: no event yet).

        Args:
            sources: every source partition that is known to exist; one that is not idle holds the watermark back
                until its first event, because nothing is known of its time.
            idle_ms: the idle ones, and how long each has been silent. They do not hold the watermark back. While
                *all* are idle, event time goes on at the pace of the wall clock from the newest event.
            finite: the input has an end: once all are idle, every minute seen is closed without waiting.
        """
        live = {source for source in (*sources, *self.newest_ms) if source not in idle_ms}
        if live:
            if not all(source in self.newest_ms for source in live):
                return self.watermark_ms
            reached = min(self.newest_ms[source] for source in live) - lateness_ms
        elif not self.newest_ms:
            return None
        else:
            newest = max(self.newest_ms.values())
            silent_ms = min(idle_ms.values())
            reached = (newest // MINUTE_MS + 1) * MINUTE_MS if finite else newest + silent_ms - lateness_ms
        if self.watermark_ms is None or reached > self.watermark_ms:
            self.watermark_ms = reached
        return self.watermark_ms
