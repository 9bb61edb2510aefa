"""When a row of a replay is due. Pure: the caller owns the clock and the sleeping."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """A replay that plays event time `speed` times as fast as it happened, from `first_time` at `started_s` on.

    `started_s` is a reading of the monotonic clock, in seconds.
    """

    speed: float
    first_time: datetime
    started_s: float

    def wait_s(self, time: datetime, now_s: float) -> float:
        """Seconds until a row of this time is due; never negative: what is late is due at once."""
        due_s = self.started_s + (time - self.first_time).total_seconds() / self.speed
        return max(0.0, due_s - now_s)
