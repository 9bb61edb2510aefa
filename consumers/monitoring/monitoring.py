"""The monitor put together: connection, topics, endpoint, reader, and the loop around the pure core."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass

import structlog

from consumers.cluster.connection import check_connection
from consumers.cluster.reader import CommittedReader
from consumers.cluster.records import Record, fault_fields
from consumers.cluster.topics import ensure_topics
from consumers.monitoring.monitor_metrics import MonitorMetrics
from consumers.runtime.endpoint import serve
from consumers.runtime.health import Health
from consumers.runtime.idle import IdleTimer
from consumers.runtime.metrics import Metrics
from consumers.runtime.shutdown import StopRequest
from consumers.timing.clock import Clock, SystemClock
from sentiment.drift.event_clock import EventClock
from sentiment.drift.monitor import Monitor, MonitorConfig
from sentiment.drift.observing import TokenFacts
from sentiment.drift.reports import MonitorSummary, WindowReport
from sentiment.errors import PoisonRecord
from sentiment.events import ScoredFeedback, decode_label, decode_scored
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class MonitorJob:
    """What to monitor. `reference` None: the first window with enough results. `until_idle_s` None: run on."""

    config: MonitorConfig
    reference: Iterable[ScoredFeedback] | None = None
    token_facts: TokenFacts | None = None
    until_idle_s: float | None = None


def run_monitor(
    settings: Settings,
    stop: StopRequest,
    job: MonitorJob,
    emit: Callable[[WindowReport], None],
    *,
    clock: Clock | None = None,
) -> MonitorSummary:
    """Read results and labels from their beginning, and hand every window's report to `emit` when it is over.

    Where the input ends (`until_idle_s`) windows are judged at the end, with everything in them, in whatever order it
    came. Otherwise a window is over once event time has passed its end; a restart reports the same windows again.

    Raises:
        SentimentError: see `check_connection`, `ensure_topics`, `serve` and `CommittedReader`.
    """
    clock = clock or SystemClock()
    topics = settings.topics
    check_connection(settings)
    metrics = Metrics()
    health = Health(clock, stuck_after_s=settings.worker.stuck_after_s)
    with serve(settings.metrics, metrics, health):
        ensure_topics(settings, [topics.sentiment, topics.labels])
        shown = MonitorMetrics(metrics)
        monitor = Monitor(job.config, reference=job.reference, token_facts=job.token_facts)
        feed = _Intake(topics.labels, monitor, EventClock(patience_s=settings.alerts.patience_s), shown, clock)
        idle = IdleTimer(job.until_idle_s)
        _log.info("monitor_starting", topic=topics.sentiment, labels=topics.labels)

        def tell(reports: Iterable[WindowReport]) -> None:
            for report in reports:
                shown.window(report)
                emit(report)

        with closing(CommittedReader(settings)) as reader:
            reader.follow(topics.sentiment, topics.labels)
            health.enter("ready")
            while not stop.event.is_set():
                records = reader.poll(_POLL_S)
                health.beat()
                for record in records:
                    feed.take(record)
                behind = bool(records) or not reader.at_end()
                watermark_ms = None if behind or job.until_idle_s is not None else feed.watermark_ms()
                tell(monitor.advance(watermark_ms))
                shown.state(monitor)
                if idle.expired(idle=not behind, now_s=clock.monotonic()):
                    break
        if job.until_idle_s is not None and not stop.event.is_set():
            tell(monitor.finish())
        shown.state(monitor)
        health.enter("stopped")
        _log.info("monitor_stopped")
    return monitor.summary()


@dataclass(slots=True)
class _Intake:
    """Records to the monitor, by topic. One that cannot be read is counted and passed over."""

    labels_topic: str
    monitor: Monitor
    event_clock: EventClock
    shown: MonitorMetrics
    clock: Clock

    def take(self, record: Record) -> None:
        """Count one record."""
        is_label = record.topic == self.labels_topic
        try:
            if is_label:
                self.monitor.add_label(decode_label(record.value))
            else:
                self._take_result(decode_scored(record.value))
        except PoisonRecord as poison:
            self.shown.unreadable("label" if is_label else "result")
            _log.warning("record_unreadable", **fault_fields(record, poison))

    def watermark_ms(self) -> int | None:
        """How far event time has come."""
        return self.event_clock.watermark_ms(self.clock.monotonic())

    def _take_result(self, result: ScoredFeedback) -> None:
        fate = self.monitor.add_result(result)
        self.shown.result(fate)
        if fate != "future":
            feed = f"{result.position.topic}/{result.position.partition}"
            self.event_clock.note(feed, int(result.created_at.timestamp() * 1000), self.clock.monotonic())
