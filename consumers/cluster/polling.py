"""Reading that no record and no partition can stop.

The client raises where it cannot decode a record: a header whose name is not UTF-8 (which Kafka accepts), a damaged
record, a batch with a wrong checksum. It would raise again at every attempt, so one such record would stop every reader
of its partition. A consumer made safe here reads on. Names of headers that are not UTF-8 come with the odd bytes
escaped (`\\xff`). What cannot be read at all comes as a record without content that has a `fault`, at the last of the
offsets that it stands for.

A partition that a broker refuses to send, or whose codec is not installed here, has an obstacle (`obstacles`), and the
others are read. Records that retention has removed before they were read are a `Gap`.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from kafka import KafkaConsumer
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    FencedLeaderEpochError,
    RetriableError,
    UnknownLeaderEpochError,
    UnsupportedCodecError,
)

from consumers.cluster.client_internals import Fetcher, free_read_out_slot, hook_fetcher
from consumers.cluster.obstacles import Kind, Obstacles
from consumers.cluster.records import Record, TopicPartition
from consumers.cluster.safe_batches import Fault, SafeBatches
from sentiment.errors import FatalError

_log = structlog.get_logger(__name__)

_POLL_BYTES = 16 * 1024 * 1024
"""A poll that has returned so many bytes returns no more. A single record that is larger still comes, alone."""

_HEADER_BYTES = 100
"""The memory that a header takes beyond its content."""

_CLIENT_DEALS_WITH = (AuthorizationError, FencedLeaderEpochError, RetriableError, UnknownLeaderEpochError)
"""It tries again, asks for the new leader, or raises what `Session` explains."""

_LEADER_REMEDY = "does the topic still exist, and has the partition a leader? (kafka-topics.sh tells)"
_LOG_REMEDY = (
    "see the log of the broker that leads this partition, and check its disk. "
    "If another replica is sound, let it lead. "
    "Otherwise move the group past the offset (kafka-consumer-groups.sh resets offsets)"
)
_GAP_REMEDY = "they were deleted before they were read: raise the topic's retention, or start more workers"
_END_REMEDY = "was the topic deleted and made again? It is read from its beginning"


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets from `start` up to, but not including, `end` were removed before they were read."""

    partition: TopicPartition
    start: int
    end: int

    @property
    def n_offsets(self) -> int:
        """How many, with transaction markers and aborted records."""
        return self.end - self.start


class Watcher:
    """What is known of the fetches of one consumer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.obstacles = Obstacles()
        self.suspects: set[tuple[Any, int]] = set()
        """(partition, offset) whose checksum was wrong once."""
        self.gaps: deque[Gap] = deque()
        self.n_bytes = 0
        """What the poll that runs has returned so far."""
        self.paused: set[TopicPartition] = set()
        """Partitions that are left alone for now."""
        self._lost: dict[TopicPartition, int] = {}

    def fetched(self, partition: TopicPartition) -> None:
        self.obstacles.passed(Kind.FETCH, partition)

    def failed(self, partition: TopicPartition, offset: int, error: type[Exception]) -> bool:
        reason = f"the broker answers {error.__name__}"
        if issubclass(error, _CLIENT_DEALS_WITH):
            self.obstacles.delayed(partition, offset, reason, _LEADER_REMEDY, self.clock())
            return True
        self.obstacles.met(Kind.FETCH, partition, offset, reason, _LOG_REMEDY, self.clock())
        return False

    def out_of_range(self, partition: TopicPartition, offset: int) -> None:
        self._lost[partition] = offset

    def moved(self, partition: TopicPartition, offset: int) -> None:
        start = self._lost.pop(partition, None)
        if start is not None:
            self.gaps.append(Gap(partition, start, offset))

    def is_full(self) -> bool:
        return self.n_bytes >= _POLL_BYTES

    def can_decompress(self, partition: TopicPartition, offset: int, error: UnsupportedCodecError | None) -> None:
        """A batch at `offset` can be decompressed, or cannot because of `error`."""
        if error is None:
            self.obstacles.passed(Kind.CODEC, partition)
            return
        remedy = "install the package for this compression (pip install 'sentiment-pipeline' brings it), and restart"
        self.obstacles.met(Kind.CODEC, partition, offset, str(error), remedy, self.clock())


_watchers: WeakKeyDictionary[KafkaConsumer, Watcher] = WeakKeyDictionary()


def make_safe(consumer: KafkaConsumer, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Let `consumer` read on past what it cannot decode. Call it before the first poll.

    Raises:
        FatalError: this release of the client is built differently.
    """
    watcher = _watchers[consumer] = Watcher(clock)
    hook_fetcher(consumer, functools.partial(SafePartitionRecords, watcher=watcher), watcher)


def poll(consumer: KafkaConsumer, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
    """New records of a consumer that was made safe. Logs those that cannot be read, and gaps.

    Raises:
        FatalError: a transaction marker is damaged.
        KafkaError: see `KafkaConsumer.poll`.
    """
    watcher = _watchers[consumer]
    _leave_alone(consumer, watcher)
    free_read_out_slot(consumer)
    watcher.n_bytes = 0
    try:
        polled: dict[TopicPartition, list[Any]] = consumer.poll(timeout_ms=timeout_ms)
    except CorruptRecordError:
        raise FatalError("a transaction marker cannot be decoded", hint="is the disk of a broker damaged?") from None
    received = {partition: [_to_record(found) for found in records] for partition, records in polled.items()}
    for record in (each for records in received.values() for each in records if each.fault is not None):
        _log.error(
            "record_unreadable",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=record.fault,
        )
    return received


def obstacles(consumer: KafkaConsumer) -> dict[TopicPartition, FatalError]:
    """The partitions that will not be read until somebody does something, and why."""
    return _watchers[consumer].obstacles.lasting()


def take_gaps(consumer: KafkaConsumer) -> list[Gap]:
    """The gaps since the last call. Logs them."""
    found: list[Gap] = []
    waiting = _watchers[consumer].gaps
    while waiting:
        gap = waiting.popleft()
        about = {"topic": gap.partition.topic, "partition": gap.partition.partition}
        if gap.n_offsets > 0:
            _log.error("records_missed", **about, offset=gap.start, records=gap.n_offsets, remedy=_GAP_REMEDY)
            found.append(gap)
        else:
            _log.warning("position_beyond_end", **about, offset=gap.start, continues_at=gap.end, remedy=_END_REMEDY)
    return found


def _leave_alone(consumer: KafkaConsumer, watcher: Watcher) -> None:
    """Pause the partitions that are not to be tried now. Somebody else may have resumed them."""
    assigned = consumer.assignment()
    watcher.obstacles.keep(assigned)
    left_alone = watcher.obstacles.left_alone(watcher.clock())
    if again := (watcher.paused - left_alone) & assigned:
        consumer.resume(*again)
    if left_alone:
        consumer.pause(*left_alone)
    watcher.paused = left_alone


def _to_record(found: Any) -> Record:
    """A record as kafka-python returned it, without what only the client needs."""
    fault = str(found.checksum) if isinstance(found.checksum, Fault) else None
    headers = tuple(found.headers)
    return Record(found.topic, found.partition, found.offset, found.timestamp, found.key, found.value, headers, fault)


def _size(found: Any) -> int:
    sizes = (found.serialized_key_size, found.serialized_value_size, found.serialized_header_size)
    content: int = sum(max(0, size) for size in sizes)
    return content + _HEADER_BYTES * len(found.headers)


class SafePartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # the client is untyped
    """The records of one partition in one fetch."""

    def __init__(self, *args: Any, watcher: Watcher, **options: Any) -> None:
        self._watcher = watcher
        super().__init__(*args, **options)

    def take(self, n: int | None = None) -> list[Any]:
        """Up to `n` records, but no more once the poll has enough bytes."""
        self._maybe_raise_next_inline_exception()
        taken: list[Any] = []
        try:
            for record in itertools.islice(self.record_iterator, n):
                taken.append(record)
                self._watcher.n_bytes += _size(record)
                if self._watcher.is_full():
                    break
        except Exception as error:
            if not taken:
                raise
            self._next_inline_exception = error
        return taken

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Any:
        watcher = self._watcher
        batches = SafeBatches(tp, self.fetch_offset, records, watcher.suspects, watcher.can_decompress)
        return super()._unpack_records(tp, batches, *deserializers)
