"""How far event time has come, as told by several feeds that are not equally far."""

from __future__ import annotations


class EventClock:
    """The watermark over feeds: the least of their newest event times.

    Scoring workers are not equally far behind, so the slowest feed that still speaks holds the clock; one that has
    been silent for `patience_s` no longer does. A feed that has not spoken at all is not known, and does not either:
    what it says later may be late.
    """

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._newest_ms: dict[str, int] = {}
        self._heard_s: dict[str, float] = {}

    def note(self, feed: str, at_ms: int, now_s: float) -> None:
        """`feed` told of an event at `at_ms`, at the monotonic time `now_s`."""
        self._newest_ms[feed] = max(at_ms, self._newest_ms.get(feed, at_ms))
        self._heard_s[feed] = now_s

    def watermark_ms(self, now_s: float) -> int | None:
        """No earlier event is expected; None before the first."""
        if not self._newest_ms:
            return None
        speaking = [feed for feed, heard_s in self._heard_s.items() if now_s - heard_s < self._patience_s]
        if not speaking:
            return max(self._newest_ms.values())
        return min(self._newest_ms[feed] for feed in speaking)
