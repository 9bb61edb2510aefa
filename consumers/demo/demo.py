"""The demo from start to end: start the processes, play the stream, wait, count, and stop the processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta

from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.topics import ensure_topics
from consumers.demo import processes
from consumers.demo.board import Board
from consumers.demo.groups import is_past
from consumers.demo.output import LineReader
from consumers.demo.stream import Stream
from consumers.demo.supervisor import Child, Supervisor
from consumers.demo.verdict import DemoVerdict, reach_verdict
from consumers.demo.verify import Observer, Tally, count_everything
from consumers.demo.view import DemoView
from sentiment.errors import DeadlineExceeded
from sentiment.settings import Settings

_START_S = 60.0
_STALL_S = 60.0
_TURN_S = 0.1
_ASK_EVERY_S = 0.4
_QUIET_MARGIN_S = 1.5
"""Detection looks at the clock about once a second. The margin lets it notice that the stream has gone quiet."""


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """What to play, and how fast. `speed` is event time over real time; None means as fast as possible."""

    stream: Stream
    speed: float | None


def run_demo(settings: Settings, request: DemoRequest, show: Callable[[Board], DemoView]) -> DemoVerdict:
    """Run the whole pipeline on the stream. Blocks until everything is counted, stopped and removed.

    Raises:
        ChildFailedError: one of the processes ended on its own.
        DeadlineExceeded: no progress for a minute.
    """
    stream = request.stream
    span = timedelta() if stream.first is None or stream.last is None else stream.last - stream.first
    board = Board("sentiment demo", stream.rows, span, started_s=time.monotonic())
    board.tick(time.monotonic())
    with Supervisor() as supervisor, show(board) as view:
        tally = _play(settings, request, supervisor, board, view)
    shift = timedelta()
    if tally.last_event_at is not None and stream.last is not None:
        shift = tally.last_event_at - stream.last
    return reach_verdict(
        tally,
        name=stream.name,
        published=stream.rows,
        rejected=stream.rejected,
        incident=None if stream.incident is None else stream.incident.shifted(shift),
        seconds=time.monotonic() - board.started_s,
    )


def _play(settings: Settings, request: DemoRequest, supervisor: Supervisor, board: Board, view: DemoView) -> Tally:
    view.phase("starting the broker")
    broker, address = _start_broker(settings, supervisor)
    own = processes.own_settings(settings, address)
    ensure_topics(own)
    variables = processes.environment(own, os.environ)
    view.phase(f"starting {processes.WORKERS} scoring workers, the alert worker and the notifier")
    workers = [
        supervisor.start(f"worker-{number}", ["worker"], variables) for number in range(1, processes.WORKERS + 1)
    ]
    alerts = supervisor.start("alerts", ["alerts", "run"], variables)
    notify = supervisor.start("notify", ["notify"], variables)
    with ExitStack() as stack:
        observer = stack.enter_context(closing(Observer(own)))
        lookup = stack.enter_context(closing(ClusterLookup(own)))
        board.tally = observer.tally
        course = _Course(own, supervisor, observer, lookup, board, view, LineReader(notify.output))
        course.until_workers_are_ready()
        view.phase("playing the stream")
        ingest = supervisor.start(
            "ingest", processes.ingest_arguments(request.stream, request.speed), variables, may_end=True
        )
        course.until_scored(ingest)
        view.phase("waiting for the last alerts")
        course.until_alerted()
        view.phase("stopping the workers")
        supervisor.stop([*workers, alerts, notify], grace_s=own.worker.drain_timeout_s + 5)
        course.turn(0.0)
    view.phase("counting with an independent read-committed consumer")
    tally = count_everything(own)
    supervisor.stop([broker], grace_s=10)
    view.phase("done")
    return tally


def _start_broker(settings: Settings, supervisor: Supervisor) -> tuple[Child, str]:
    """Start a broker and wait until it is ready. Returns it with its address."""
    file = supervisor.folder / "broker.address"
    variables = processes.environment(processes.own_settings(settings, ""), os.environ)
    broker = supervisor.start("broker", processes.broker_arguments(supervisor.folder, file), variables)
    deadline = time.monotonic() + _START_S
    while not file.exists():
        supervisor.check()
        if time.monotonic() > deadline:
            raise DeadlineExceeded("the broker did not start within a minute")
        time.sleep(0.02)
    return broker, file.read_text("utf-8").strip()


@dataclass(slots=True)
class _Course:
    """The phases of the demo, and what they all look at."""

    settings: Settings
    supervisor: Supervisor
    observer: Observer
    lookup: ClusterLookup
    board: Board
    view: DemoView
    delivered: LineReader

    def turn(self, wait_s: float = _TURN_S) -> bool:
        """Look at everything once. Returns whether there was something new on the topics."""
        self.supervisor.check()
        before = self.observer.n_records
        seen = self.observer.poll(wait_s)
        self.board.tick(time.monotonic())
        self.board.take(seen)
        for line in self.delivered.new_lines():
            self.view.notice(line)
        self.view.refresh()
        return self.observer.n_records > before

    def until_workers_are_ready(self) -> None:
        """Wait until every scoring worker, the alert worker and the notifier own partitions."""
        kafka_groups = {
            self.settings.worker.group_id: processes.WORKERS,
            self.settings.alerts.group_id: 1,
            self.settings.notify.group_id: 1,
        }
        self._wait(
            lambda: all(self.lookup.members_at_work(group) >= n for group, n in kafka_groups.items()),
            "the workers did not become ready",
            _START_S,
        )

    def until_scored(self, ingest: Child) -> None:
        """Wait until all rows are published, and every event has a result or a dead letter."""
        tally = self.board.tally
        self._wait(
            lambda: not ingest.running and len(tally.events) >= self.board.total and tally.missing == 0,
            "some events were not scored",
            _STALL_S,
            busy=lambda: ingest.running,
        )

    def until_alerted(self) -> None:
        """Wait until detection has noticed the end of the stream, and all its alerts are delivered."""
        quiet_s = self.settings.alerts.idle_s + _QUIET_MARGIN_S
        until = time.monotonic() + quiet_s
        while time.monotonic() < until:
            self.turn()
        self._until_past(self.settings.alerts.group_id, self.settings.topics.sentiment)
        self._until_past(self.settings.notify.group_id, self.settings.topics.alerts)

    def _until_past(self, group: str, topic: str) -> None:
        self._wait(
            lambda: is_past(self.lookup, group, topic, self.observer.reached),
            f"{group} does not finish",
            _STALL_S,
        )

    def _wait(
        self, done: Callable[[], bool], fault: str, patience_s: float, *, busy: Callable[[], bool] = lambda: False
    ) -> None:
        """Turn until `done`. Raises DeadlineExceeded if nothing is new for `patience_s` and nobody is `busy`."""
        moved_s = time.monotonic()
        ask_s = 0.0
        while True:
            if self.turn() or busy():
                moved_s = time.monotonic()
            now_s = time.monotonic()
            if now_s >= ask_s:
                if done():
                    return
                ask_s = time.monotonic() + _ASK_EVERY_S
            if now_s - moved_s > patience_s:
                raise DeadlineExceeded(f"{fault}: no progress for {patience_s:.0f} s")
