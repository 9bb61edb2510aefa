"""What goes through the loop: records as they were consumed, batches of them, and the records to produce.

A `TopicPartition` is kafka-python's own named tuple `(topic, partition)`, spelt out here because the client has no
types; nothing else of the client is seen by a handler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sentiment.errors import PoisonRecord

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
    "to_record",
]

Header = tuple[str, bytes | None]
"""Name and value. Kafka allows a null value; kafka-python reads it but cannot send it (`TransactionalProducer`)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One consumed record, bytes untouched. `timestamp_ms` is the record's own (create or append) time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()

    @property
    def n_bytes(self) -> int:
        """Payload size: key, value and headers, without Kafka's framing."""
        size = len(self.key or b"") + len(self.value or b"")
        return size + sum(len(name) + len(value or b"") for name, value in self.headers)


def to_record(found: Any) -> Record:
    """A record as kafka-python returned it, without what only the client needs."""
    return Record(
        found.topic, found.partition, found.offset, found.timestamp, found.key, found.value, tuple(found.headers)
    )


def fault_fields(record: Record, poison: PoisonRecord) -> dict[str, str | int | None]:
    """What a log line says of a record that cannot be read: where it stands and why, never what it holds."""
    return {
        "reason": poison.reason.value,
        "path": poison.path,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """One record to produce. Without `partition` the key decides, by Kafka's default (murmur2) partitioner."""

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
    """What a handler wants produced, by the consumed partition that caused it.

    The loop drops the share of a partition that was revoked in the meantime and commits the rest together with the
    offsets of the handled batch, which it computes itself. A partition without output needs no entry.
    """

    outputs: Mapping[TopicPartition, Sequence[OutgoingRecord]] = field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        return any(self.outputs.values())


EMPTY_RESULT = WorkResult()
