"""Reading whole topics without a consumer group: committed records from the beginning, and where the end is.

Nothing is committed and nobody's progress is touched. Whoever keeps counts of what it read needs no storage: the topic
is the state, and a restart reads it again and counts the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from kafka.errors import KafkaError

from consumers.cluster.clients import make_consumer
from consumers.cluster.records import Record, TopicPartition
from consumers.timing.clock import Clock
from sentiment.errors import BrokerUnavailable, DeadlineExceeded
from sentiment.settings import Settings

_MAX_POLL_RECORDS = 2_000
_ENDS_EVERY_S = 1.0


class CommittedReader:
    """Follows all partitions of `topics`, also those that are added later. The topics must exist. Not thread-safe."""

    def __init__(self, settings: Settings, topics: Sequence[str], clock: Clock) -> None:
        self._topics = tuple(topics)
        self._clock = clock
        self._consumer = make_consumer(settings, group_id=None, max_poll_records=_MAX_POLL_RECORDS)
        self._ends: dict[TopicPartition, int] = {}
        self._ends_read_s = -_ENDS_EVERY_S
        self._take_partitions()

    def poll(self, wait_s: float) -> list[Record]:
        """What has come, waiting at most `wait_s` for something. Raises BrokerUnavailable."""
        try:
            self._take_partitions()
            polled: dict[TopicPartition, list[Any]] = self._consumer.poll(timeout_ms=int(wait_s * 1000))
        except KafkaError as error:
            raise _unreadable(error) from error
        return [_to_record(found) for records in polled.values() for found in records]

    def behind(self) -> frozenset[TopicPartition]:
        """Partitions with committed records that `poll` has not returned yet, as of a second ago at most."""
        try:
            now_s = self._clock.monotonic()
            if now_s - self._ends_read_s >= _ENDS_EVERY_S:
                # Read committed: the end of what can be read now, before any open transaction.
                self._ends = self._consumer.end_offsets(list(self._consumer.assignment()))
                self._ends_read_s = now_s
            return frozenset(p for p, end in self._ends.items() if self._consumer.position(p) < end)
        except KafkaError as error:
            raise _unreadable(error) from error

    def close(self) -> None:
        """Leave the cluster."""
        self._consumer.close()

    def _take_partitions(self) -> None:
        before = self._consumer.assignment()
        every = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in self._consumer.partitions_for_topic(topic) or ()
        }
        if every > before:
            positions = {partition: self._consumer.position(partition) for partition in before}
            self._consumer.assign(list(every))
            for partition, position in positions.items():
                self._consumer.seek(partition, position)


def read_to_end(settings: Settings, topic: str, clock: Clock, *, stalled_s: float = 30.0) -> Iterator[Record]:
    """The committed records of `topic` up to its present end.

    Raises:
        BrokerUnavailable: the cluster cannot be reached.
        DeadlineExceeded: nothing came for `stalled_s` seconds though there is more.
    """
    with closing(CommittedReader(settings, [topic], clock)) as reader:
        moved_s = clock.monotonic()
        while True:
            records = reader.poll(0.5)
            yield from records
            if records:
                moved_s = clock.monotonic()
            elif not reader.behind():
                return
            elif clock.monotonic() - moved_s > stalled_s:
                raise DeadlineExceeded(f"{topic} could not be read to its end in time")


def _unreadable(error: KafkaError) -> BrokerUnavailable:
    return BrokerUnavailable(f"the topics cannot be read ({type(error).__name__})")


def _to_record(found: Any) -> Record:
    return Record(
        found.topic, found.partition, found.offset, found.timestamp, found.key, found.value, tuple(found.headers)
    )
