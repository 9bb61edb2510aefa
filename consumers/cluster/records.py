"""What passes through the loop: consumed records, batches of them, and the records to produce.

`TopicPartition` is kafka-python's named tuple `(topic, partition)`. It is spelled out here because the client has no
type annotations. A handler sees nothing else of the client.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sentiment.errors import PoisonReason, PoisonRecord

if TYPE_CHECKING:

    class TopicPartition(NamedTuple):
        """A partition of a topic."""

        topic: str
        partition: int
else:
    from kafka.structs import TopicPartition

__all__ = [
    "EMPTY_RESULT",
    "Header",
    "OutgoingRecord",
    "Record",
    "RecordBatch",
    "TopicPartition",
    "WorkResult",
    "fault_fields",
    "partition_name",
]

Header = tuple[str, bytes | None]
"""Name and value, which may be null."""


@dataclass(frozen=True, slots=True)
class Record:
    """One consumed record, bytes untouched. `timestamp_ms` is the record's own (create or append) time, -1 for none.

    Header names that are not UTF-8 have the odd bytes escaped (`\\xff`). A `fault` says why the record could not be
    read: then it has no content, and stands for all offsets that the fault names, which end with its own.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    fault: str | None = None

    @property
    def n_bytes(self) -> int:
        """The size of key, value and headers, without Kafka's framing."""
        size = len(self.key or b"") + len(self.value or b"")
        return size + sum(len(name.encode()) + len(value or b"") for name, value in self.headers)

    @property
    def is_tombstone(self) -> bool:
        """Whether the record has no value: in a compacted topic it deletes its key. It says nothing else."""
        return self.value is None and self.fault is None

    def content(self) -> bytes | None:
        """The value; None for a tombstone.

        Raises:
            PoisonRecord: the record could not be read.
        """
        if self.fault is not None:
            raise PoisonRecord(PoisonReason.UNREADABLE, self.fault)
        return self.value


def partition_name(topic: str, partition: int) -> str:
    """`topic/partition`, for people and for event-time clocks."""
    return f"{topic}/{partition}"


def fault_fields(record: Record, poison: PoisonRecord) -> dict[str, str | int | None]:
    """What a log line says about a record that cannot be decoded: its position and the reason, never its content."""
    return {
        "reason": poison.reason.value,
        "path": poison.path,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """One record to produce. Without `partition`, Kafka's default partitioner (murmur2) chooses by key."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: tuple[Header, ...] = ()
    partition: int | None = None
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Consumed records by partition, each tuple in offset order and never empty."""

    partitions: Mapping[TopicPartition, tuple[Record, ...]]

    def __len__(self) -> int:
        return sum(len(records) for records in self.partitions.values())

    def __iter__(self) -> Iterator[Record]:
        for records in self.partitions.values():
            yield from records

    @property
    def n_bytes(self) -> int:
        """Payload bytes of all records."""
        return sum(record.n_bytes for record in self)


@dataclass(frozen=True, slots=True)
class WorkResult:
    """The records to produce, by the consumed partition that they come from.

    The loop drops the records of a partition that was revoked in the meantime. It commits the rest together with the
    offsets of the handled batch, which it computes itself. A partition without output needs no entry.
    """

    outputs: Mapping[TopicPartition, Sequence[OutgoingRecord]] = field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        return any(self.outputs.values())


EMPTY_RESULT = WorkResult()
