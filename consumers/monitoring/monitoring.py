"""The monitor, assembled from connection, topics, endpoint and reader, with the loop around its pure core."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass

import structlog

from consumers.cluster.reader import CommittedReader
from consumers.cluster.records import Record, fault_fields, partition_name
from consumers.monitoring.monitor_metrics import MonitorMetrics
from consumers.runtime.idle import IdleTimer
from consumers.runtime.outage import Outage, Source, wait_for_kafka
from consumers.runtime.service import Instruments, instruments
from consumers.runtime.shutdown import StopRequest
from consumers.timing.clock import Clock
from sentiment.drift.event_clock import EventClock
from sentiment.drift.monitor import Monitor, MonitorConfig
from sentiment.drift.observing import TokenFacts
from sentiment.drift.reports import MonitorSummary, WindowReport
from sentiment.errors import BrokerUnavailable, PoisonRecord
from sentiment.events import ScoredFeedback, decode_label, decode_scored
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class MonitorJob:
    """What to monitor, and how long.

    Without a `reference`, the first window with enough results becomes the reference. Without `until_idle_s`, the
    monitor runs until it is stopped.
    """

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
    """Read results and labels from their beginning, and pass each window's report to `emit` when the window is over.

    If the input ends (`until_idle_s`), windows are evaluated at the end, with all their results in whatever order they
    came. Otherwise a window is over once event time has passed its end. A restart reports the same windows again.
    While Kafka is away, the monitor waits, as the workers do.

    Raises:
        KafkaAwayError: Kafka was away for longer than `settings.kafka.exit_after_s`.
        SentimentError: see `instruments`.
    """
    topics = settings.topics
    needed = (topics.sentiment, topics.labels)
    with instruments(settings, needed, stop, clock) as its, closing(CommittedReader(settings)) as reader:
        reader.follow(*needed)
        monitor = Monitor(job.config, reference=job.reference, token_facts=job.token_facts)
        shown = MonitorMetrics(its.metrics)
        event_clock = EventClock(patience_s=settings.alerts.patience_s)
        run = _Run(settings, job, reader, _Intake(topics.labels, monitor, event_clock, shown, its.clock), its, emit)
        _log.info("monitor_starting", topic=topics.sentiment, labels=topics.labels)
        its.health.enter("ready")
        run.until_done(stop)
        its.health.enter("stopped")
        _log.info("monitor_stopped")
    return monitor.summary()


@dataclass(slots=True)
class _Intake:
    """Passes records to the monitor, by topic. Counts and skips those that cannot be decoded."""

    labels_topic: str
    monitor: Monitor
    event_clock: EventClock
    shown: MonitorMetrics
    clock: Clock

    def take(self, record: Record) -> None:
        """Count one record."""
        if record.is_tombstone:
            self.shown.tombstone(record.topic)
            return
        is_label = record.topic == self.labels_topic
        try:
            if is_label:
                self.monitor.add_label(decode_label(record.content()))
            else:
                self._take_result(decode_scored(record.content()))
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
            feed = partition_name(result.position.topic, result.position.partition)
            self.event_clock.note(feed, int(result.created_at.timestamp() * 1000), self.clock.monotonic())


@dataclass(slots=True)
class _Run:
    """The loop around the monitor."""

    settings: Settings
    job: MonitorJob
    reader: CommittedReader
    intake: _Intake
    its: Instruments
    emit: Callable[[WindowReport], None]

    def until_done(self, stop: StopRequest) -> None:
        """Work until stopped, or until idle; then evaluate the last windows."""
        idle = IdleTimer(self.job.until_idle_s)
        outage = Outage(self.its.clock, self.settings.kafka.exit_after_s)
        self.its.health.watch_kafka(outage.seconds)
        self.its.metrics.gauge("sentiment_kafka_unreachable_seconds").set_function(outage.seconds)
        while not stop.event.is_set():
            try:
                behind = self._turn()
            except BrokerUnavailable as error:  # the reader keeps its positions
                outage.failed(Source.LOOP, error.message)
                idle.expired(idle=False, now_s=self.its.clock.monotonic())
                wait_for_kafka(self.settings, outage, self.its.health, stop.event)
                continue
            outage.answered(Source.LOOP)
            if idle.expired(idle=not behind, now_s=self.its.clock.monotonic()):
                self.reader.check()
                self._report(self.intake.monitor.finish())
                return

    def _turn(self) -> bool:
        """Read what has come, and report the windows that are over. Returns whether there is more to read."""
        records = self.reader.poll(_POLL_S)
        self.its.health.beat()
        for record in records:
            self.intake.take(record)
        behind = bool(records) or not self.reader.at_end()
        watermark_ms = None if behind or self.job.until_idle_s is not None else self.intake.watermark_ms()
        self._report(self.intake.monitor.advance(watermark_ms))
        return behind

    def _report(self, reports: Iterable[WindowReport]) -> None:
        shown = self.intake.shown
        for report in reports:
            shown.window(report)
            self.emit(report)
        shown.state(self.intake.monitor)
