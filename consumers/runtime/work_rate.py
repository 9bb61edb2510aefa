"""How fast a worker works while it has work."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 60.0


class WorkRate:
    """Records per second over the last minute of work.

    Only time with work in flight counts, so after a quiet hour the rate is still what the worker can do, and not how
    little there was to do. Under low load batches are small, and it can do more than this says.
    """

    def __init__(self) -> None:
        self._done: deque[tuple[float, int, float]] = deque()
        """What was done: (seconds of work until then, records, seconds that they took)."""
        self._worked_s = 0.0
        self._since_s: float | None = None
        """Since when the work in flight has been going on, or when the last of it was done (monotonic time)."""

    def begin(self, now_s: float) -> None:
        """There is work in flight."""
        if self._since_s is None:
            self._since_s = now_s

    def done(self, n_records: int, now_s: float) -> None:
        """Work was done; more may be in flight."""
        took_s = self._open_s(now_s)
        self._worked_s += took_s
        self._since_s = now_s
        self._done.append((self._worked_s, n_records, took_s))
        self._forget(self._worked_s)

    def pause(self) -> None:
        """There is nothing in flight."""
        self._since_s = None

    def seconds_for(self, n_records: int, now_s: float) -> float | None:
        """How long `n_records` take at this rate. Infinite if a minute of work has done nothing; None: unknown."""
        if n_records == 0:
            return 0.0
        open_s = self._open_s(now_s)
        self._forget(self._worked_s + open_s)
        n_done = sum(n for _, n, _ in self._done)
        if n_done:
            return n_records * (open_s + sum(took_s for _, _, took_s in self._done)) / n_done
        return float("inf") if open_s > _WINDOW_S else None

    def _open_s(self, now_s: float) -> float:
        return 0.0 if self._since_s is None else now_s - self._since_s

    def _forget(self, worked_s: float) -> None:
        while self._done and self._done[0][0] < worked_s - _WINDOW_S:
            self._done.popleft()
