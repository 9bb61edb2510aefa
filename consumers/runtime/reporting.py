"""What a session tells about itself: lag, stuck readers, and whether a finite run is over."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.cluster.records import TopicPartition
from consumers.runtime.hanging import GapReporter, StandstillDetector
from consumers.runtime.idle import IdleTimer
from consumers.runtime.outage import Source
from consumers.runtime.services import Services
from consumers.runtime.session import Session

_REPORT_S = 1.0
_SETTLED_S = 60.0
"""After a session has lasted this long, the next failure counts as the first."""

_CALM_S = 5.0
"""After this long with nothing to do, an earlier failure of the loop says nothing about Kafka any more."""


class Reporter:
    """Reports about once a second, and whenever there is nothing to do."""

    def __init__(
        self, session: Session, services: Services, standstill: StandstillDetector, until_idle_s: float | None
    ) -> None:
        self._session = session
        self._services = services
        self._gaps = GapReporter(standstill, services.metrics)
        self._idle = IdleTimer(until_idle_s)
        self._started_s = services.clock.monotonic()
        self._next_s = self._started_s
        self._quiet_s: float | None = None

    def report(
        self,
        owned: frozenset[TopicPartition],
        outstanding: Mapping[TopicPartition, int],
        *,
        stable: bool,
        quiet: bool,
    ) -> bool:
        """Report. `outstanding` is how many of the records read of each owned partition are not committed.

        Returns whether a finite run is over: the worker has been idle for the whole limit, and Kafka still answers.

        Raises:
            FatalError: it is over, but a partition was not read to its end.
        """
        now_s = self._services.clock.monotonic()
        self._quiet_s = None if not quiet else now_s if self._quiet_s is None else self._quiet_s
        if now_s < self._next_s and not quiet:
            self._idle.expired(idle=False, now_s=now_s)
            return False
        self._next_s = now_s + _REPORT_S
        if now_s - self._started_s > _SETTLED_S and stable:
            self._services.backoff.reset()
        positions = self._session.read_positions(owned) if stable else {}
        if stable:
            self._services.metrics.lag(positions, outstanding, self._services.watch.progress(), now_s)
        blocked = self._session.obstacles()
        self._services.metrics.obstacles(blocked.keys() & owned)
        at_end = stable and len(positions) == len(owned)
        at_end = at_end and all(state.at_end or partition in blocked for partition, state in positions.items())
        self._gaps.report(positions if quiet else {}, now_s)
        if stable and self._quiet_s is not None and (at_end or now_s - self._quiet_s > _CALM_S):
            self._services.outages.reset()
            self._services.outage.answered(Source.LOOP)
        idle = quiet and at_end and not self._services.outage.seconds()
        expired = self._idle.expired(idle=idle, now_s=now_s)
        over = expired and self._services.watch.answered_since(self._idle.since_s)
        for partition in blocked.keys() & owned if over else ():
            raise blocked[partition]
        return over
