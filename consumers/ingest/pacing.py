"""When each row of a replay is due. Pure: the caller has the clock, and sleeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """A replay, `speed` times as fast as the events happened. It began at `started_s` with a row of `first_time`.

    `started_s` is a reading of the monotonic clock, in seconds.
    """

    speed: float
    first_time: datetime
    started_s: float

    def wait_s(self, time: datetime, now_s: float) -> float:
        """Seconds until a row of this time is due; 0 for a row that is late."""
        due_s = self.started_s + (time - self.first_time).total_seconds() / self.speed
        return max(0.0, due_s - now_s)
