"""Tumbling windows in event time, which close when no more results are expected for them."""

from __future__ import annotations

from dataclasses import dataclass

from sentiment.drift.features import DriftObservation
from sentiment.drift.profile import Profile

_MAX_OPEN = 1_000
"""A stream that is not in order keeps windows open. Beyond this many, the oldest is closed anyway."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The results of [start_ms, end_ms) in Unix milliseconds. `partial`: closed before its time was over."""

    start_ms: int
    end_ms: int
    profile: Profile
    partial: bool


class TumblingWindows:
    """Results by window. Windows start at multiples of their length since 1970, so that all runs have the same."""

    def __init__(self, *, length_ms: int, lateness_ms: int) -> None:
        self._length_ms = length_ms
        self._lateness_ms = lateness_ms
        self._open: dict[int, Profile] = {}
        self._closed_ms = 0  # windows that start before are closed
        self.n_late = 0

    def add(self, seen: DriftObservation) -> bool:
        """Count one result. False, and not counted, if its window is closed already."""
        start = seen.at_ms - seen.at_ms % self._length_ms
        if start < self._closed_ms:
            self.n_late += 1
            return False
        self._open.setdefault(start, Profile()).add(seen)
        return True

    def advance(self, watermark_ms: int) -> list[TimeWindow]:
        """Close, in order, the windows that end before `watermark_ms` by at least the allowed lateness."""
        ready = [s for s in self._open if s + self._length_ms + self._lateness_ms <= watermark_ms]
        excess = len(self._open) - _MAX_OPEN
        if excess > 0:
            ready = sorted({*ready, *sorted(self._open)[:excess]})
        return [self._close(start, partial=False) for start in sorted(ready)]

    def finish(self, watermark_ms: int) -> list[TimeWindow]:
        """Close all windows, in order, at the end of the input."""
        return [self._close(start, partial=start + self._length_ms > watermark_ms) for start in sorted(self._open)]

    def _close(self, start: int, *, partial: bool) -> TimeWindow:
        end = start + self._length_ms
        self._closed_ms = max(self._closed_ms, end)
        return TimeWindow(start, end, self._open.pop(start), partial)
