"""How far event time has come, from several feeds that are not equally far."""

from __future__ import annotations


class EventClock:
    """The watermark over all feeds: the smallest of their newest event times.

    A feed is a partition of the feedback topic. Scoring workers are not equally far behind, so the slowest active feed
    holds back the clock. A feed that has been silent for `patience_s` no longer does. A feed without any event does not
    either, so its first events may be late.
    """

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._newest_ms: dict[str, int] = {}
        self._heard_s: dict[str, float] = {}

    def note(self, feed: str, at_ms: int, now_s: float) -> None:
        """Note an event of `feed` at the event time `at_ms`, seen at the monotonic time `now_s`."""
        self._newest_ms[feed] = max(at_ms, self._newest_ms.get(feed, at_ms))
        self._heard_s[feed] = now_s

    def watermark_ms(self, now_s: float) -> int | None:
        """The time before which no more events are expected. None before the first event."""
        if not self._newest_ms:
            return None
        speaking = [feed for feed, heard_s in self._heard_s.items() if now_s - heard_s < self._patience_s]
        if not speaking:
            return max(self._newest_ms.values())
        return min(self._newest_ms[feed] for feed in speaking)
