"""Reading committed records without a consumer group: nothing is committed, and nobody's progress is touched.

A reader that keeps counts needs no storage of its own: the topic is the state. A restart reads it again and counts the
same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from kafka.errors import KafkaError

from consumers.cluster.clients import make_consumer
from consumers.cluster.closing import close_quietly
from consumers.cluster.polling import obstacles, poll, take_gaps
from consumers.cluster.records import Record, TopicPartition, partition_name
from sentiment.errors import BrokerUnavailable
from sentiment.settings import Settings

_MAX_POLL_RECORDS = 2_000
_PATIENCE_S = 30.0
_POLL_S = 0.2
_POSITION_MS = 1_000


class ReadingStalledError(BrokerUnavailable):
    """There is more to read, but nothing comes: an open transaction holds it back, or the broker is in trouble."""


class CommittedReader:
    """Reads whole topics (`follow`) or chosen partitions (`seek`). The order holds within a partition. Not thread-safe.

    Every method that asks the cluster raises BrokerUnavailable.
    """

    def __init__(self, settings: Settings, *, max_poll_records: int = _MAX_POLL_RECORDS) -> None:
        self._consumer = make_consumer(settings, group_id=None, max_poll_records=max_poll_records)
        self._topics: tuple[str, ...] = ()

    def follow(self, *topics: str, from_beginning: bool = True) -> None:
        """Read all partitions of existing topics, also those that are added later; those always from their beginning.

        Without `from_beginning` only what is written from now on is read.
        """
        self._topics = topics
        with _translated():
            self._take_added_partitions()
            if not from_beginning:
                self._consumer.seek_to_end(*self._consumer.assignment())

    def seek(self, starts: Mapping[TopicPartition, int | None]) -> None:
        """Read these partitions and no others, each from its offset, or from its beginning (None)."""
        self._topics = ()
        with _translated():
            self._consumer.assign(list(starts))
            for partition, offset in starts.items():
                if offset is None:
                    self._consumer.seek_to_beginning(partition)
                else:
                    self._consumer.seek(partition, offset)

    def poll(self, wait_s: float) -> list[Record]:
        """The records that have come, after waiting at most `wait_s` for the first."""
        with _translated():
            self._take_added_partitions()
            polled = poll(self._consumer, timeout_ms=int(wait_s * 1000))
        take_gaps(self._consumer)
        return [record for records in polled.values() for record in records]

    def ends(self) -> dict[TopicPartition, int]:
        """Where the committed records of each partition end now, before any open transaction."""
        with _translated():
            found: dict[TopicPartition, int] = self._consumer.end_offsets(list(self._consumer.assignment()))
        return found

    def at_end(self) -> bool:
        """Whether `poll` has returned everything that is committed by now, but for what `check` says."""
        return not self._behind(self.ends()).keys() - obstacles(self._consumer).keys()

    def check(self) -> None:
        """Raise FatalError if a partition cannot be read on until somebody does something."""
        for error in obstacles(self._consumer).values():
            raise error

    def read_to(self, ends: Mapping[TopicPartition, int], *, patience_s: float = _PATIENCE_S) -> Iterator[Record]:
        """The records before `ends` (the offset after the last one, by partition), as they come.

        Raises:
            ReadingStalledError: no partition came any further for `patience_s` seconds.
            FatalError: see `check`.
        """
        before: dict[TopicPartition, int] = {}
        moved_s = time.monotonic()
        while behind := self._behind(ends):
            if behind != before:
                before, moved_s = behind, time.monotonic()
            elif time.monotonic() - moved_s > patience_s:
                raise _stalled(behind, ends, patience_s)
            if behind.keys() <= obstacles(self._consumer).keys():
                self.check()
            for record in self.poll(_POLL_S):
                if record.offset < ends.get(TopicPartition(record.topic, record.partition), 0):
                    yield record

    def close(self) -> None:
        """Disconnect."""
        close_quietly("reader", self._consumer.close)

    def _behind(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The positions of the partitions that are not read to their `ends`."""
        with _translated():
            positions = {partition: self._position(partition) for partition in ends}
        return {partition: position for partition, position in positions.items() if position < ends[partition]}

    def _position(self, partition: TopicPartition) -> int:
        """The next offset to read; -1 until the broker has told where that is."""
        position: int | None = self._consumer.position(partition, timeout_ms=_POSITION_MS)
        return -1 if position is None else position

    def _take_added_partitions(self) -> None:
        assigned = self._consumer.assignment()
        every = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in self._consumer.partitions_for_topic(topic) or ()
        }
        if every > assigned:
            # Assigning forgets the positions. New partitions start at their beginning.
            positions = {partition: self._position(partition) for partition in assigned}
            if -1 in positions.values():
                return  # the next poll takes them
            self._consumer.assign(list(every))
            for partition, position in positions.items():
                self._consumer.seek(partition, position)


def read_to_end(settings: Settings, *topics: str, patience_s: float = _PATIENCE_S) -> Iterator[Record]:
    """The committed records of existing topics, from the beginning to their present end.

    Raises:
        BrokerUnavailable: the cluster cannot be reached.
        ReadingStalledError: see `CommittedReader.read_to`.
    """
    with closing(CommittedReader(settings)) as reader:
        reader.follow(*topics)
        yield from reader.read_to(reader.ends(), patience_s=patience_s)


def _stalled(
    behind: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], patience_s: float
) -> ReadingStalledError:
    partition, position = min(behind.items())
    return ReadingStalledError(
        f"{partition_name(*partition)} cannot be read to its end:"
        f" at {position} of {ends[partition]}, no further for {patience_s:g} s",
        hint="a transaction may hang there: see kafka-transactions.sh find-hanging",
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise BrokerUnavailable(f"the topics cannot be read ({type(error).__name__})") from error
