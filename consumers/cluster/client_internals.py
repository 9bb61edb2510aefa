"""What is used of kafka-python beyond what it documents, and why; the decoding of batches is in `safe_batches`.

**Reading that no record can stop.** The client raises where it cannot decode a record: a header whose name is not
UTF-8 (which Kafka accepts), a damaged record, a batch with a wrong checksum. It would raise again at every attempt, so
one such record would stop every reader of its partition. A consumer made safe here reads on. Names of headers that are
not UTF-8 come with the odd bytes escaped (`\\xff`). What cannot be read at all comes as a record without content that
has a `fault`, at the last of the offsets that it stands for.

**A slot that must be freed.** See `free_read_out_slot`.

**Fencing that is not told.** See `note_fencing`.

**Headers without a value.** The producer refuses them, though Kafka allows them. See `sendable`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from typing import Any

import kafka
import kafka.record.memory_records as memory_records
import structlog
from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.base import BaseCoordinator
from kafka.errors import CorruptRecordError, FencedInstanceIdError, UnsupportedCodecError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from consumers.cluster.records import Header, Record, TopicPartition
from consumers.cluster.safe_batches import Fault, SafeBatches
from sentiment.errors import FatalError

_log = structlog.get_logger(__name__)

_USED = (
    (Fetcher, ("PartitionRecords", "fetched_records")),
    (Fetcher.PartitionRecords, ("_unpack_records",)),
    (BaseCoordinator, ("_send_heartbeat_request",)),
    (memory_records, ("DefaultRecordBatchBuilder",)),
    (DefaultRecordBatchBuilder, ("append",)),
    (DefaultRecordBatch, ("_buffer", "_pos", "_num_records", "_next_record_index", "LOG_APPEND_TIME", "CODEC_ZSTD")),
)


def make_safe(consumer: KafkaConsumer) -> None:
    """Let `consumer` read on past records that it cannot decode. Call it before the first poll.

    Raises:
        FatalError: this release of the client is built differently.
    """
    check_client()
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if not hasattr(fetcher, "_next_partition_records"):
        raise _unknown_client("KafkaConsumer._fetcher._next_partition_records")
    fetcher.PartitionRecords = functools.partial(SafePartitionRecords, suspects=set())


def check_client() -> None:
    """Raise FatalError unless the client has every part that is used here."""
    for owner, names in _USED:
        for name in names:
            if not hasattr(owner, name):
                raise _unknown_client(f"{getattr(owner, '__qualname__', owner.__name__)}.{name}")


def free_read_out_slot(consumer: KafkaConsumer) -> None:
    """Work around a fault of kafka-python 3.0.12 that loses a paused partition. Call it before every poll.

    The client sets aside the rest of a fetch whose partition is paused, and returns to it only while the slot for the
    current fetch is None. A fetch that was read to its end stays in that slot, so the client would never read or fetch
    the paused partition again (`Fetcher.fetched_records`).
    """
    fetcher = consumer._fetcher
    if not fetcher._next_partition_records:
        fetcher._next_partition_records = None


def note_fencing(consumer: KafkaConsumer) -> threading.Event:
    """An event that is set once a heartbeat finds that another member has taken over the instance id of `consumer`.

    The client only stops its heartbeats then. Without records it would poll on for ever, as if it were still a member.
    """
    fenced = threading.Event()
    coordinator: Any = getattr(consumer, "_coordinator", None)
    if coordinator is None:
        raise _unknown_client("KafkaConsumer._coordinator")
    send = coordinator._send_heartbeat_request

    async def noting() -> None:
        try:
            await send()
        except FencedInstanceIdError:
            fenced.set()
            raise

    coordinator._send_heartbeat_request = noting
    return fenced


class _NullValue(bytes):
    """Passes the producer's checks as an empty header value, and is written as null."""


_NULL = _NullValue()


class _NullWritingBuilder(DefaultRecordBatchBuilder):  # type: ignore[misc]  # the client is untyped
    __slots__ = ()

    def append(self, offset: int, timestamp: int | None, key: Any, value: Any, headers: list[Any]) -> Any:
        written = [(name, None if content is _NULL else content) for name, content in headers]
        return super().append(offset, timestamp, key, value, written)


def sendable(headers: Iterable[Header]) -> list[tuple[str, bytes]]:
    """`headers` as a producer takes them; those without a value arrive without one."""
    memory_records.DefaultRecordBatchBuilder = _NullWritingBuilder
    return [(name, _NULL if value is None else value) for name, value in headers]


def poll(consumer: KafkaConsumer, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
    """New records of a consumer that was made safe. Logs those that cannot be read.

    Raises:
        FatalError: a batch is compressed, and the package for it is missing; or a transaction marker is damaged.
        KafkaError: see `KafkaConsumer.poll`.
    """
    free_read_out_slot(consumer)
    try:
        polled: dict[TopicPartition, list[Any]] = consumer.poll(timeout_ms=timeout_ms)
    except UnsupportedCodecError as error:
        raise FatalError(str(error), hint="install the package for this compression") from error
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


def _to_record(found: Any) -> Record:
    """A record as kafka-python returned it, without what only the client needs."""
    fault = str(found.checksum) if isinstance(found.checksum, Fault) else None
    headers = tuple(found.headers)
    return Record(found.topic, found.partition, found.offset, found.timestamp, found.key, found.value, headers, fault)


def _unknown_client(part: str) -> FatalError:
    return FatalError(
        f"kafka-python {kafka.__version__} has no {part}, which is needed to read safely",
        hint="install the release of kafka-python that this program pins",
    )


class SafePartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # the client is untyped
    """The records of one partition in one fetch. `suspects` are (partition, offset) whose checksum was wrong once."""

    def __init__(self, *args: Any, suspects: set[tuple[Any, int]], **options: Any) -> None:
        self._suspects = suspects
        super().__init__(*args, **options)

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Any:
        return super()._unpack_records(tp, SafeBatches(tp, self.fetch_offset, records, self._suspects), *deserializers)
