"""An independent count of what the pipeline did: all committed records, from the beginning of every topic.

It relies on nothing but the contracts on the topics. An event is identified by its position on the feedback topic, a
result by the source position that it names. So missing and duplicate results show, and results without an event too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from consumers.cluster.reader import CommittedReader, read_to_end
from consumers.cluster.records import Record, TopicPartition
from sentiment.errors import PoisonRecord
from sentiment.events import (
    Alert,
    Label,
    ScoredFeedback,
    SourcePosition,
    decode_alert,
    decode_dead_letter_headers,
    decode_feedback,
    decode_scored,
)
from sentiment.settings import Settings, TopicSettings


@dataclass(slots=True)
class Tally:
    """What was found on the topics. Contains positions and counts, and no text except in alerts."""

    events: dict[str, str] = field(default_factory=dict)
    """Source position → product."""

    results: Counter[str] = field(default_factory=Counter)
    """Source position → number of results."""

    labels: Counter[tuple[str, Label]] = field(default_factory=Counter)
    """(product, label) → number of results."""

    dead_letters: Counter[str] = field(default_factory=Counter)
    """Source position → number of dead letters."""

    reasons: Counter[str] = field(default_factory=Counter)
    """Reason code → number of dead letters."""

    unreadable: int = 0
    """Results, dead letters and alerts that cannot be decoded. They count for nothing else."""

    alerts: list[Alert] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    last_event_at: datetime | None = None

    @property
    def missing(self) -> int:
        """Events with neither a result nor a dead letter."""
        return sum(1 for position in self.events if position not in self.results and position not in self.dead_letters)

    @property
    def doubled(self) -> int:
        """Results and dead letters beyond the first of their event."""
        return (self.results + self.dead_letters).total() - len(self.results.keys() | self.dead_letters.keys())

    @property
    def unknown(self) -> int:
        """Positions with a result or dead letter, but without an event."""
        return len((self.results.keys() | self.dead_letters.keys()) - self.events.keys())

    @property
    def episodes(self) -> list[str]:
        """The ids of the episodes in the alerts, in the order in which they came."""
        return list(dict.fromkeys(alert.episode_id for alert in self.alerts))

    def products(self) -> list[str]:
        """All products seen, by name."""
        return sorted({*self.events.values(), *(product for product, _ in self.labels)})

    def add_event(self, position: SourcePosition, product: str, created_at: datetime | None) -> None:
        """Count a record of the feedback topic. One that cannot be decoded has no time."""
        self.events[position.key()] = product
        if created_at is not None:
            self.last_event_at = created_at if self.last_event_at is None else max(created_at, self.last_event_at)

    def add_result(self, result: ScoredFeedback) -> None:
        """Count a result."""
        self.results[result.position.key()] += 1
        self.labels[result.product, result.label] += 1
        self.models.add(f"{result.model.name} {result.model.version}")

    def add_dead_letter(self, position: SourcePosition, reason: str) -> None:
        """Count a record of the dead-letter topic."""
        self.dead_letters[position.key()] += 1
        self.reasons[reason] += 1


class Observer:
    """Follows all topics of the pipeline into a `Tally`. Not thread-safe.

    The topics must exist. `close` it, or use `contextlib.closing`.
    """

    def __init__(self, settings: Settings) -> None:
        self.tally = Tally()
        self.reached: dict[TopicPartition, int] = {}
        """Partition → offset after the last record that was counted. Transaction markers are not records."""
        self._topics = settings.topics
        self._reader = CommittedReader(settings)
        self._reader.follow(*_observed(settings.topics))

    def poll(self, wait_s: float) -> list[ScoredFeedback | Alert]:
        """Count what has come, after waiting at most `wait_s`. Returns the results and alerts among it."""
        found = []
        for record in self._reader.poll(wait_s):
            self.reached[TopicPartition(record.topic, record.partition)] = record.offset + 1
            found.append(count(self.tally, record, self._topics))
        return [each for each in found if each is not None]

    @property
    def n_records(self) -> int:
        """Records counted so far, of all topics."""
        tally = self.tally
        return len(tally.events) + tally.results.total() + tally.dead_letters.total() + len(tally.alerts)

    def at_end(self) -> bool:
        """Whether everything that is committed by now was counted."""
        return self._reader.at_end()

    def close(self) -> None:
        """Disconnect."""
        self._reader.close()


def count_everything(settings: Settings) -> Tally:
    """Read all topics from the beginning to their committed end, with a consumer of its own.

    Raises:
        BrokerUnavailable: no answer, or the end cannot be reached because a transaction hangs.
    """
    tally = Tally()
    for record in read_to_end(settings, *_observed(settings.topics)):
        count(tally, record, settings.topics)
    return tally


def _observed(topics: TopicSettings) -> tuple[str, ...]:
    return topics.feedback, topics.sentiment, topics.dead_letter, topics.alerts


def count(tally: Tally, record: Record, topics: TopicSettings) -> ScoredFeedback | Alert | None:
    """Count one record by its topic. Returns it if it is a result or an alert."""
    is_parked = record.topic == topics.dead_letter
    if record.is_tombstone and not is_parked:
        return None
    if record.topic == topics.feedback:
        _count_event(tally, record)
        return None
    try:
        if is_parked:
            _count_dead_letter(tally, record)
            return None
        if record.topic == topics.alerts:
            alert = decode_alert(record.content())
            tally.alerts.append(alert)
            return alert
        result = decode_scored(record.content())
        tally.add_result(result)
        return result
    except PoisonRecord:
        tally.unreadable += 1
        return None


def _count_dead_letter(tally: Tally, record: Record) -> None:
    about = decode_dead_letter_headers(record.headers)
    position = SourcePosition(
        topic=about.dead_letter_topic, partition=about.dead_letter_partition, offset=about.dead_letter_offset
    )
    tally.add_dead_letter(position, about.dead_letter_reason.value)


def _count_event(tally: Tally, record: Record) -> None:
    position = SourcePosition(topic=record.topic, partition=record.partition, offset=record.offset)
    try:
        event = decode_feedback(record.content(), position=position, timestamp_ms=record.timestamp_ms)
    except PoisonRecord:
        tally.add_event(position, "unknown", None)
    else:
        tally.add_event(position, event.product, event.created_at)
