"""The loop between two rebuilds: one session, and all state that ends with it."""

from __future__ import annotations

from collections import Counter

import structlog

from consumers.cluster.records import TopicPartition, partition_name
from consumers.runtime.backlog import Backlog
from consumers.runtime.handler import Committed, Handler
from consumers.runtime.hanging import StandstillDetector
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.outage import Source
from consumers.runtime.ownership import Ownership, Rebalance, RebalanceKind
from consumers.runtime.quarantine import Quarantine
from consumers.runtime.reporting import Reporter
from consumers.runtime.services import Services
from consumers.runtime.session import Session
from consumers.runtime.unit import Finished, Pace
from consumers.runtime.work_thread import Ticket, WorkThread
from sentiment.errors import SentimentError

_log = structlog.get_logger(__name__)

_LONG_POLL_MS = 1_000
"""Used when idle, and while the group rebalances: the client discards a join that completes between two polls."""

_BUSY_WAIT_S = 0.05
"""How long to wait for a busy handler before the next poll."""

_MAX_TICKETS = 2
"""One batch in the handler and one that waits, so that the handler never waits for a commit."""


class SessionRun:
    """Runs until it is stopped, has been idle long enough, or fails."""

    def __init__(
        self,
        session: Session,
        config: LoopConfig,
        handler: Handler,
        work: WorkThread,
        services: Services,
        standstill: StandstillDetector,
    ) -> None:
        self._session = session
        self._config = config
        self._handler = handler
        self._work = work
        self._services = services
        self._reporter = Reporter(session, services, standstill, config.until_idle_s)
        self._ownership = Ownership()
        self._backlog = Backlog(config.max_batch_records, config.max_batch_bytes)
        self._finished = Finished()
        self._pace = Pace(config.slice_s)
        self._quarantine = Quarantine(session, services, self._ownership, work)
        self._outstanding: Counter[TopicPartition] = Counter()
        limit_s = config.until_idle_s
        self._idle_poll_ms = _LONG_POLL_MS if limit_s is None else min(_LONG_POLL_MS, round(limit_s * 1000))
        self._next_tick_s = services.clock.monotonic()
        self._tick_out = False
        self._stable = False
        self._over = False

    def run(self) -> None:
        """Work until the stop signal or the idle limit, then finish what is in flight.

        Raises what the handler or Kafka raised. Nothing of that work was committed.
        """
        self._services.health.enter("joining")
        while not self._over and not self._services.stop.is_set():
            self._turn()
        self._drain()

    def end(self) -> None:
        """Drop what is in flight, and close the clients."""
        self._services.health.enter("leaving")
        self._services.watch.follow(())
        self._work.abandon()
        self._unmark()
        owned = self._ownership.partitions
        if owned:
            self._work.notify(lambda: self._handler.on_lost(owned))
        self._session.close()

    def _turn(self) -> None:
        self._services.outage.check()
        self._poll()
        self._hand_over()
        committed = self._commit_if_due(more_coming=self._work.n_tickets > 0)
        self._apply_back_pressure()
        self._report(committed=committed)
        self._tick()

    def _drain(self) -> None:
        """Commit what the handler has finished or is working on. Drop what it has not started."""
        services = self._services
        services.health.enter("draining")
        until_s = services.clock.monotonic() + self._config.drain_timeout_s
        self._work.abandon(waiting_only=True)
        self._session.set_paused(True)
        while self._work.n_tickets or self._finished:
            if services.clock.monotonic() >= until_s:
                _log.warning("drain_timed_out", dropped_batches=self._work.n_tickets + len(self._finished))
                return
            self._poll()
            self._backlog.drop(self._ownership.partitions)
            self._commit_if_due(more_coming=False)

    def _poll(self) -> None:
        """Collect finished work, then poll. In this order, because the poll may revoke the partitions of that work."""
        self._services.health.beat()
        for done in self._work.take_done(wait_s=_BUSY_WAIT_S if self._stable else 0.0):
            if done.error is not None:
                raise done.error
            self._finished.add(done, self._services.clock.monotonic())
            self._tick_out = self._tick_out and (done.ticket is None or done.ticket.batch is not None)
        polled = self._session.poll(self._poll_timeout_ms())
        for rebalance in self._session.rebalances():
            self._rebalance(rebalance)
        for gap in self._session.gaps():
            self._services.metrics.missed(gap)
        now_s = self._services.clock.monotonic()
        if polled:
            self._services.metrics.polled(now_s)
            self._quarantine.read_marks(polled)
        for partition, records in polled.items():
            self._backlog.add(partition, records, now_s)
            self._outstanding[partition] += len(records)
        stable = self._session.stable_membership() is not None
        if stable != self._stable:
            self._services.health.enter("ready" if stable else "joining")
            self._stable = stable

    def _poll_timeout_ms(self) -> int:
        if not self._stable or not self._ownership.partitions:
            return _LONG_POLL_MS
        if self._work.n_tickets or self._finished:
            return 0
        now_s = self._services.clock.monotonic()
        if self._backlog.oldest_s is not None:
            wait_s = self._backlog.oldest_s + self._config.max_wait_ms / 1000 - now_s
            return max(0, round(wait_s * 1000))
        if self._config.tick_s is not None:
            return max(0, min(self._idle_poll_ms, round((self._next_tick_s - now_s) * 1000)))
        return self._idle_poll_ms

    def _rebalance(self, rebalance: Rebalance) -> None:
        self._services.metrics.rebalanced(rebalance)
        names = [partition_name(*partition) for partition in sorted(rebalance.partitions)]
        _log.info("partitions_changed", change=rebalance.kind.value, partitions=names)
        self._ownership.apply(rebalance)
        self._services.watch.follow(self._ownership.partitions)
        partitions = rebalance.partitions
        if rebalance.kind is RebalanceKind.ASSIGNED:
            now = self._services.clock.now()
            self._work.notify(lambda: self._handler.on_assigned(partitions, now))
            self._quarantine.assigned(partitions)
            return
        self._quarantine.released(partitions)
        self._backlog.drop(partitions)
        for partition in partitions:
            self._outstanding.pop(partition, None)
        forget = self._handler.on_revoked if rebalance.kind is RebalanceKind.REVOKED else self._handler.on_lost
        self._work.notify(lambda: forget(partitions))

    def _hand_over(self) -> None:
        """Hand over a batch when it is full, or when the handler is idle and the oldest record has waited enough."""
        if not self._finished:
            self._quarantine.mark_if_slow()
        while self._backlog and self._work.n_tickets < _MAX_TICKETS:
            if self._quarantine.rules(self._backlog):
                self._hand_over_alone()
                return
            idle = self._work.n_tickets == 0
            now_s = self._services.clock.monotonic()
            if not self._backlog.full and not (idle and self._backlog.due(now_s, self._config.max_wait_ms / 1000)):
                return
            batch = self._backlog.take()
            self._services.metrics.handed_over(len(batch))
            self._work.submit(Ticket(batch, self._ownership.epochs()))

    def _hand_over_alone(self) -> None:
        if self._work.n_tickets or self._finished or not self._stable:
            return
        ticket = self._quarantine.next_ticket(self._backlog, self._config.max_wait_ms / 1000)
        if ticket is not None:
            self._services.metrics.handed_over(len(ticket.batch or ()))
            self._work.submit(ticket)

    def _unmark(self) -> None:
        """What ends now is not a death. If this fails, records are tried alone that need not be."""
        if self._services.outage.seconds():
            return
        try:
            self._quarantine.unmark()
        except SentimentError as error:
            _log.debug("marks_left", reason=error.message)

    def _commit_if_due(self, *, more_coming: bool) -> bool:
        """Commit finished work if it is due and the group is stable. Returns whether something was committed."""
        clock = self._services.clock
        if not self._finished.due(clock.monotonic(), self._pace.wait_s, more_coming=more_coming):
            return False
        membership = self._session.stable_membership()
        if membership is None:
            return False
        unit = self._finished.take(self._ownership)
        if not unit:
            return False
        started_s = clock.monotonic()
        try:
            n_produced = self._session.commit(unit.records, self._quarantine.annotated(unit.offsets), membership)
        except SentimentError:
            self._services.metrics.transaction_failed()
            raise
        self._quarantine.committed(unit.offsets)
        self._services.backoff.reset()
        self._services.outages.reset()
        self._services.outage.answered(Source.LOOP)
        now_s, at = clock.monotonic(), clock.now()
        self._pace.took(now_s - started_s)
        self._services.metrics.committed(unit, at, now_s - started_s, now_s)
        for batch in unit.batches:
            for partition, share in batch.partitions.items():
                self._outstanding[partition] -= len(share)
        committed = Committed(unit.batches, unit.offsets, n_produced, at)
        self._work.notify(lambda: self._handler.on_committed(committed))
        return True

    def _apply_back_pressure(self) -> None:
        paused = self._backlog.full
        self._session.set_paused(paused)
        self._services.metrics.flow(paused=paused, under_pressure=self._work.under_pressure)

    def _report(self, *, committed: bool) -> None:
        working = self._work.n_tickets > self._tick_out  # a tick alone must not keep an idle worker alive
        quiet = not (working or self._finished or self._backlog or committed)
        self._over = self._reporter.report(
            self._ownership.partitions, self._outstanding, stable=self._stable, quiet=quiet
        )

    def _tick(self) -> None:
        now_s = self._services.clock.monotonic()
        due = self._config.tick_s is not None and now_s >= self._next_tick_s
        if due and self._stable and self._ownership.partitions and not (self._tick_out or self._quarantine.busy):
            self._tick_out = True
            self._next_tick_s = now_s + (self._config.tick_s or 0.0)
            positions = self._session.read_positions(self._ownership.partitions)
            at_end = frozenset(p for p, state in positions.items() if state.at_end and not self._outstanding[p])
            self._work.submit(Ticket(None, self._ownership.epochs(), at_end))
