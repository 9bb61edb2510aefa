"""The alert worker's handler: results → event-time minutes → episodes → alerts.

Each partition of the results has its own monitor. Alerts and changed states are committed in one transaction with the
offsets. After any failure the monitors are read back from their topic. So the state in memory always matches the
committed offsets, and no alert is raised twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from consumers.alerting.feeds import Feeds
from consumers.cluster.records import (
    EMPTY_RESULT,
    OutgoingRecord,
    Record,
    RecordBatch,
    TopicPartition,
    WorkResult,
    fault_fields,
)
from consumers.runtime.handler import BaseHandler
from consumers.runtime.metrics import Metrics
from sentiment.errors import PoisonRecord
from sentiment.events import decode_scored, encode
from sentiment.spikes.buckets import Fate
from sentiment.spikes.message import make_alert
from sentiment.spikes.observations import observation
from sentiment.spikes.parts import Kinds
from sentiment.spikes.prevalence import ErrorsOf, unknown_errors
from sentiment.spikes.segment import EpisodeChange
from sentiment.spikes.silences import Silenced
from sentiment.spikes.stream import StreamMonitor

_log = structlog.get_logger(__name__)

_STALE = timedelta(seconds=1)
"""How outdated the loop's end of a partition may be: a fetch waits for up to 500 ms."""


class StateStore(Protocol):
    """Loads and saves monitors (`consumers.alerting.state`)."""

    def load(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, StreamMonitor]:
        """The committed monitors of these result partitions."""

    def records(self, partition: int, monitor: StreamMonitor) -> list[OutgoingRecord]:
        """What has changed in a monitor since the last call, as records to write."""


class Silences(Protocol):
    """Knows what people are not to be told (`consumers.alerting.silences`)."""

    def refresh(self) -> None:
        """Hear of new silences."""

    def at(self, now: datetime) -> Silenced:
        """What people are not told of now."""


@dataclass(frozen=True, slots=True)
class AlertingOptions:
    """How alerting runs; see `AlertSettings`. `finite`: the input has an end, which closes the last minutes."""

    alerts_topic: str
    idle: timedelta
    patience: timedelta
    errors_of: ErrorsOf = unknown_errors
    include_unsupported_language: bool = False
    kinds: Kinds = ()
    finite: bool = False


@dataclass(slots=True)
class _Partition:
    """A monitor, and what its owner has seen by the wall clock. Not saved: the next owner starts again."""

    monitor: StreamMonitor
    owned_since: datetime
    read_until: datetime
    last_seen: dict[str, datetime] = field(default_factory=dict)

    def is_read_out(self, feed: str, settled_since: Mapping[str, datetime] | None, names: frozenset[str]) -> bool:
        """Whether everything in a feed is scored and read. If nobody knows, its silence has to be enough."""
        if settled_since is None or feed not in names:
            return True
        since = settled_since.get(feed)
        return since is not None and since <= self.read_until

    def silent_for(self, feed: str, now: datetime) -> timedelta:
        return now - self.last_seen.get(feed, self.owned_since)


def _newest(records: Iterable[Record], now: datetime) -> datetime:
    """The newest timestamp of records. Foreign ones may have any or none, but none was written after now."""
    newest_ms = max(record.timestamp_ms for record in records)
    return datetime.fromtimestamp(max(0.0, min(newest_ms / 1000, now.timestamp())), UTC)


class AlertingHandler(BaseHandler):
    """Watches the assigned partitions."""

    def __init__(
        self, options: AlertingOptions, store: StateStore, feeds: Feeds, silences: Silences, metrics: Metrics
    ) -> None:
        self._options = options
        self._store = store
        self._feeds = feeds
        self._silences = silences
        self._metrics = metrics
        self._partitions: dict[TopicPartition, _Partition] = {}

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        """Read back the state of new partitions."""
        self._silences.refresh()
        for partition, monitor in self._store.load(partitions).items():
            self._partitions[partition] = _Partition(
                monitor, owned_since=now, read_until=datetime.min.replace(tzinfo=UTC)
            )
        self._show_episodes()

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Forget their state: the next owner continues from the committed one."""
        for partition in partitions:
            self._partitions.pop(partition, None)
        self._show_episodes()

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Like `on_revoked`."""
        self.on_revoked(partitions)

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        """Count the results, and advance the clock as far as possible while every feed counts as active."""
        outputs: dict[TopicPartition, list[OutgoingRecord]] = {}
        silenced = self._silences.at(now)
        for partition, records in batch.partitions.items():
            watched = self._partitions[partition]
            fates = Counter(fate for record in records if (fate := self._take(watched, record, now)) is not None)
            self._count(partition, fates)
            watched.read_until = max(watched.read_until, _newest(records, now))
            changes = watched.monitor.advance(feeds=self._feeds.names(), idle_ms={}, silenced=silenced)
            outputs[partition] = self._outputs(partition, watched, changes, now)
        self._show_episodes()
        return WorkResult(outputs)

    def park(self, record: Record, now: datetime) -> WorkResult:
        """Leave the result out."""
        partition = TopicPartition(record.topic, record.partition)
        watched = self._partitions[partition]
        watched.monitor.skip(record.offset)
        return WorkResult({partition: self._outputs(partition, watched, [], now)})

    def on_tick(self, now: datetime, at_end: frozenset[TopicPartition]) -> WorkResult:
        """Hear of silences, and advance the clock without the feeds that are silent for a good reason."""
        self._silences.refresh()
        for partition in at_end & self._partitions.keys():
            watched = self._partitions[partition]
            watched.read_until = max(watched.read_until, now - _STALE)
        soon = self._options.idle / 2  # ask early: the answer must be a moment old before it counts
        if not any(self._silent(watched, now, soon) for watched in self._partitions.values()):
            return EMPTY_RESULT
        settled_since = self._feeds.settled_since(now)
        names = self._feeds.names()
        silenced = self._silences.at(now)
        outputs: dict[TopicPartition, list[OutgoingRecord]] = {}
        for partition, watched in self._partitions.items():
            idle_ms: dict[str, int] = {}
            for feed, silence in self._silent(watched, now, self._options.idle).items():
                if silence >= self._options.patience or watched.is_read_out(feed, settled_since, names):
                    idle_ms[feed] = int(silence / timedelta(milliseconds=1))
            changes = watched.monitor.advance(
                feeds=names, idle_ms=idle_ms, finite=self._options.finite, silenced=silenced
            )
            outputs[partition] = self._outputs(partition, watched, changes, now)
        self._show_episodes()
        return WorkResult(outputs)

    def _silent(self, watched: _Partition, now: datetime, at_least: timedelta) -> dict[str, timedelta]:
        feeds = self._feeds.names() | watched.monitor.stream.clock.newest_ms.keys()
        silences = {feed: watched.silent_for(feed, now) for feed in sorted(feeds)}
        return {feed: silence for feed, silence in silences.items() if silence >= at_least}

    def _take(self, watched: _Partition, record: Record, now: datetime) -> Fate | None:
        """Hand a result to its monitor. Skip a record that is not a result: no worker has written it."""
        if record.is_tombstone:
            watched.monitor.skip(record.offset)
            return None
        try:
            scored = decode_scored(record.content())
        except PoisonRecord as poison:
            watched.monitor.skip(record.offset)
            _log.warning("result_unreadable", **fault_fields(record, poison))
            return None
        options = self._options
        seen = observation(
            scored, include_unsupported_language=options.include_unsupported_language, kinds=options.kinds
        )
        watched.last_seen[seen.feed] = now
        return watched.monitor.observe(record.offset, seen)

    def _outputs(
        self, partition: TopicPartition, watched: _Partition, changes: list[EpisodeChange], now: datetime
    ) -> list[OutgoingRecord]:
        alerts = []
        for change in changes:
            alert = make_alert(change, created_at=now, errors_of=self._options.errors_of)
            alerts.append(OutgoingRecord(self._options.alerts_topic, encode(alert), key=alert.segment.encode()))
            status = alert.status if alert.silenced is None else "silenced"
            self._metrics.counter("sentiment_alerts_total", status=status).inc()
            _log.info(
                "episode_changed",
                transition=change.transition.value,
                silenced=alert.silenced is not None,
                episode=alert.episode_id,
                severity=alert.severity,
                n=alert.n,
                negatives=alert.negatives,
            )
        return [*alerts, *self._store.records(partition.partition, watched.monitor)]

    def _count(self, partition: TopicPartition, fates: Counter[Fate]) -> None:
        for fate, n in fates.items():
            self._metrics.counter("sentiment_detection_results_total", fate=fate.value).inc(n)
        if fates[Fate.LATE] or fates[Fate.FUTURE]:
            _log.warning(
                "results_not_counted", partition=partition.partition, late=fates[Fate.LATE], future=fates[Fate.FUTURE]
            )

    def _show_episodes(self) -> None:
        open_now = Counter(
            state.episode.severity
            for watched in self._partitions.values()
            for state in watched.monitor.segments.values()
            if state.episode is not None
        )
        for severity in ("warning", "critical"):
            self._metrics.gauge("sentiment_open_episodes", severity=severity).set(open_now[severity])
