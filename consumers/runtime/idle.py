"""When a worker with `--until-idle` is done."""

from __future__ import annotations


class IdleTimer:
    """Measures for how long a group member has had nothing to do.

    Idle means that the group is stable, all assigned partitions (perhaps none) are read to their end, and nothing is in
    flight. A rebalance or a record restarts the measurement.
    """

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._since: float | None = None

    @property
    def since_s(self) -> float:
        """Since when it has been idle (monotonic time); infinite while it is not."""
        return float("inf") if self._since is None else self._since

    def expired(self, *, idle: bool, now_s: float) -> bool:
        """Note the state at the monotonic time `now_s`. True once idle for the whole limit."""
        if not idle:
            self._since = None
            return False
        if self._since is None:
            self._since = now_s
        return self._limit_s is not None and now_s - self._since >= self._limit_s
