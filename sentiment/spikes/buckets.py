"""Event-time minutes, and the watermark that closes them.

A *feed* is a partition of the feedback topic. The results of a segment come from several feeds, scored by workers that
lag differently, so they arrive out of order by as much as one worker lags behind another. Counts are therefore kept per
event-time minute, and a minute is evaluated only when the *watermark* has passed its end. The watermark is the newest
event time of the slowest feed that is not idle, less the allowed lateness.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

import msgspec

MINUTE_MS = 60_000
MAX_OPEN_MINUTES = 12_288
"""The most open minutes that a segment keeps (eight days without a gap). Beyond it the oldest are closed early."""


class Fate(StrEnum):
    """What became of a result. The value is a metric label."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    LEFT_OUT = "left_out"
    LATE = "late"
    FUTURE = "future"


class MinuteCounts(msgspec.Struct, frozen=True, array_like=True):
    """The `n` results of one minute, of which `negatives` are negative. `minute` counts from 1970 in UTC."""

    minute: int
    n: int
    negatives: int


class OpenMinutes(msgspec.Struct):
    """Counts of the minutes that are not closed yet. Memory per minute does not depend on its volume."""

    counts: dict[int, tuple[int, int]] = {}
    floor: int | None = None
    """Minutes before this one were closed early."""

    def add(self, minute: int, *, negative: bool) -> bool:
        """Count one result. Returns False without counting it if its minute was closed early."""
        if self.floor is not None and minute < self.floor:
            return False
        n, negatives = self.counts.get(minute, (0, 0))
        self.counts[minute] = (n + 1, negatives + negative)
        return True

    @property
    def is_full(self) -> bool:
        """Whether some minutes must be closed early."""
        return len(self.counts) > MAX_OPEN_MINUTES

    def close(self, before_minute: int) -> list[MinuteCounts]:
        """Remove and return, in order, all minutes before `before_minute`, and the oldest above `MAX_OPEN_MINUTES`."""
        minutes = sorted(self.counts)
        excess = len(minutes) - MAX_OPEN_MINUTES
        if excess > 0:
            self.floor = minutes[excess]
        due = [minute for rank, minute in enumerate(minutes) if minute < before_minute or rank < excess]
        return [MinuteCounts(minute, *self.counts.pop(minute)) for minute in due]


class FeedClock(msgspec.Struct):
    """The event-time clock of one stream of results, in Unix milliseconds. The watermark never goes back."""

    newest_ms: dict[str, int] = {}
    watermark_ms: int | None = None

    def is_late(self, event_ms: int) -> bool:
        """Whether the minute of the event has been closed."""
        return self.watermark_ms is not None and event_ms // MINUTE_MS < self.watermark_ms // MINUTE_MS

    def observe(self, feed: str, event_ms: int) -> None:
        """Note the time of an event from a feed."""
        self.newest_ms[feed] = max(event_ms, self.newest_ms.get(feed, event_ms))

    def advance(
        self, *, feeds: Collection[str], idle_ms: Mapping[str, int], lateness_ms: int, finite: bool = False
    ) -> int | None:
        """Move the watermark as far as it may go, and return it. None means that there was no event yet.

        Args:
            feeds: every feed that is known to exist. Until its first event, a feed that is not idle holds the
                watermark back, because nothing is known about its time.
            idle_ms: the idle feeds, and how long each has been silent. They do not hold the watermark back. While
                *all* are idle, event time continues from the newest event at the pace of the wall clock.
            finite: the input has an end. Once all feeds are idle, every minute seen is closed without waiting.
        """
        live = {feed for feed in (*feeds, *self.newest_ms) if feed not in idle_ms}
        if live:
            if not all(feed in self.newest_ms for feed in live):
                return self.watermark_ms
            reached = min(self.newest_ms[feed] for feed in live) - lateness_ms
        elif not self.newest_ms:
            return None
        else:
            newest = max(self.newest_ms.values())
            silent_ms = min(idle_ms.values())
            reached = (newest // MINUTE_MS + 1) * MINUTE_MS if finite else newest + silent_ms - lateness_ms
        if self.watermark_ms is None or reached > self.watermark_ms:
            self.watermark_ms = reached
        return self.watermark_ms
