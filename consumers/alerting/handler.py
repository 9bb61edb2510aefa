"""The alert worker's handler: results → event-time minutes → episodes → alerts, with the state beside them.

Each partition of the results has a monitor of its own. Alerts and changed states leave in the loop's transaction with
the offsets; after anything that is not a commit the monitors are read back from the topic, so that what is in memory
is always what the committed offsets say, and no alert is raised twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from consumers.alerting.feeds import Feeds, feed_name
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
from sentiment.events import ScoredFeedback, decode_scored, encode
from sentiment.spikes.buckets import Fate
from sentiment.spikes.message import make_alert
from sentiment.spikes.segment import EpisodeChange, SpikeObservation
from sentiment.spikes.stream import StreamMonitor

_log = structlog.get_logger(__name__)

_STALE = timedelta(seconds=1)
"""How old the loop's knowledge of a partition's end may be: a fetch waits for 500 ms."""


class StateStore(Protocol):
    """Where monitors come from and go to (`consumers.alerting.state`)."""

    def load(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, StreamMonitor]:
        """The committed monitors of these partitions of the results."""

    def records(self, partition: int, monitor: StreamMonitor) -> list[OutgoingRecord]:
        """What must be written of a monitor since the last call."""


@dataclass(frozen=True, slots=True)
class AlertingOptions:
    """How alerting runs; see `AlertSettings`. `finite`: the input ends, and the last minutes are closed with it."""

    alerts_topic: str
    idle: timedelta
    patience: timedelta
    include_unsupported_language: bool = False
    finite: bool = False


@dataclass(slots=True)
class _Partition:
    """A monitor, and what is known of the wall clock around it (not kept: an owner learns it anew)."""

    monitor: StreamMonitor
    owned_since: datetime
    read_until: datetime
    last_seen: dict[str, datetime] = field(default_factory=dict)

    def is_read_out(self, feed: str, settled_since: Mapping[str, datetime] | None, names: frozenset[str]) -> bool:
        """Whether all that a feed has to say is scored and read; silence must do where that is unknown."""
        if settled_since is None or feed not in names:
            return True
        since = settled_since.get(feed)
        return since is not None and since <= self.read_until

    def silent_for(self, feed: str, now: datetime) -> timedelta:
        return now - self.last_seen.get(feed, self.owned_since)


class AlertingHandler(BaseHandler):
    """Watches the partitions that are assigned."""

    def __init__(self, options: AlertingOptions, store: StateStore, feeds: Feeds, metrics: Metrics) -> None:
        self._options = options
        self._store = store
        self._feeds = feeds
        self._metrics = metrics
        self._partitions: dict[TopicPartition, _Partition] = {}

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        """Read the state of new partitions back."""
        for partition, monitor in self._store.load(partitions).items():
            self._partitions[partition] = _Partition(
                monitor, owned_since=now, read_until=datetime.min.replace(tzinfo=UTC)
            )
        self._show_episodes()

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Forget their state: the next owner goes on from the committed one."""
        for partition in partitions:
            self._partitions.pop(partition, None)
        self._show_episodes()

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Like `on_revoked`."""
        self.on_revoked(partitions)

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        """Count the results; the clock goes as far as it may while no feed is thought idle."""
        outputs: dict[TopicPartition, list[OutgoingRecord]] = {}
        for partition, records in batch.partitions.items():
            watched = self._partitions[partition]
            fates = Counter(fate for record in records if (fate := self._take(watched, record, now)) is not None)
            self._count(partition, fates)
            newest_ms = max(record.timestamp_ms for record in records)
            watched.read_until = max(watched.read_until, datetime.fromtimestamp(newest_ms / 1000, UTC))
            changes = watched.monitor.advance(feeds=self._feeds.names(), idle_ms={})
            outputs[partition] = self._outputs(partition, watched, changes, now)
        self._show_episodes()
        return WorkResult(outputs)

    def on_tick(self, now: datetime, at_end: frozenset[TopicPartition]) -> WorkResult:
        """Let the clock go on without feeds that are silent for a good reason."""
        for partition in at_end & self._partitions.keys():
            watched = self._partitions[partition]
            watched.read_until = max(watched.read_until, now - _STALE)
        soon = self._options.idle / 2  # asked early, since the answer must be a moment old when it counts
        if not any(self._silent(watched, now, soon) for watched in self._partitions.values()):
            return EMPTY_RESULT
        settled_since = self._feeds.settled_since(now)
        names = self._feeds.names()
        outputs: dict[TopicPartition, list[OutgoingRecord]] = {}
        for partition, watched in self._partitions.items():
            idle_ms: dict[str, int] = {}
            for feed, silence in self._silent(watched, now, self._options.idle).items():
                if silence >= self._options.patience or watched.is_read_out(feed, settled_since, names):
                    idle_ms[feed] = int(silence / timedelta(milliseconds=1))
            changes = watched.monitor.advance(feeds=names, idle_ms=idle_ms, finite=self._options.finite)
            outputs[partition] = self._outputs(partition, watched, changes, now)
        self._show_episodes()
        return WorkResult(outputs)

    def _silent(self, watched: _Partition, now: datetime, at_least: timedelta) -> dict[str, timedelta]:
        feeds = self._feeds.names() | watched.monitor.stream.clock.newest_ms.keys()
        silences = {feed: watched.silent_for(feed, now) for feed in sorted(feeds)}
        return {feed: silence for feed, silence in silences.items() if silence >= at_least}

    def _take(self, watched: _Partition, record: Record, now: datetime) -> Fate | None:
        """Hand a result to its monitor; one that is not a result is passed over: it was not written by a worker."""
        try:
            scored = decode_scored(record.value)
        except PoisonRecord as poison:
            watched.monitor.skip(record.offset)
            _log.warning("result_unreadable", **fault_fields(record, poison))
            return None
        seen = self._observation(scored)
        watched.last_seen[seen.feed] = now
        return watched.monitor.observe(record.offset, seen)

    def _observation(self, scored: ScoredFeedback) -> SpikeObservation:
        return SpikeObservation(
            key=scored.position.key(),
            segment=scored.product,
            feed=feed_name(scored.position.topic, scored.position.partition),
            event_ms=_milliseconds(scored.created_at),
            scored_ms=_milliseconds(scored.scored_at),
            negative=scored.label == "negative",
            p_negative=scored.probabilities.negative,
            text=scored.text,
            author=scored.author,
            model=scored.model,
            left_out=scored.unsupported_language and not self._options.include_unsupported_language,
        )

    def _outputs(
        self, partition: TopicPartition, watched: _Partition, changes: list[EpisodeChange], now: datetime
    ) -> list[OutgoingRecord]:
        alerts = []
        for change in changes:
            alert = make_alert(change, created_at=now)
            alerts.append(OutgoingRecord(self._options.alerts_topic, encode(alert), key=alert.segment.encode()))
            self._metrics.counter("sentiment_alerts_total", status=alert.status).inc()
            _log.info(
                "episode_changed",
                transition=change.transition.value,
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


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
