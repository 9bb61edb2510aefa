"""When is a worker with `--until-idle S` done?"""

from __future__ import annotations


class IdleTimer:
    """Measures how long a group member had nothing to do, from the first time it had joined its group.

    Idle means: the group is stable and all assigned partitions (perhaps none) are read to their end, with nothing in
    flight. A rebalance or a record starts the measure afresh.
    """

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._since: float | None = None

    def expired(self, *, idle: bool, now_s: float) -> bool:
        """Note the present state at the monotonic time `now_s`; true once idle for the whole limit."""
        if not idle:
            self._since = None
            return False
        if self._since is None:
            self._since = now_s
        return self._limit_s is not None and now_s - self._since >= self._limit_s
