"""All that is used of kafka-python beyond what it documents, and why. No other file of the pipeline uses any of it.

Each part is checked before the first client is made, so that another release of the client is named and refused, not
half obeyed. The development broker, which speaks the protocol from the other side, stands apart.

- **Fetches**: `hook_fetcher` lets `polling` see what the brokers answer, and decode it so that no record can stop it.
- **Batches**: `safe_batches` takes the parts of a damaged batch that are whole.
- **Compression**: without a limit the client makes gigabytes of some kilobytes. See `bound_decompression`.
- **A slot that must be freed**: see `free_read_out_slot`. **Fencing that is not told**: see `note_fencing`.
- **Headers without a value**: the producer refuses them, though Kafka allows them. See `sendable`.
- **The protocol**: `wire` speaks it on a socket of its own, to say which step of a connection fails.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import kafka
from kafka import KafkaConsumer
from kafka.errors import FencedInstanceIdError, NoError, OffsetOutOfRangeError, for_code

from consumers.cluster.records import Header, TopicPartition
from sentiment.codecs import GZIP, LZ4, SNAPPY, ZSTD, decompress
from sentiment.errors import FatalError


def _unknown_client(part: str) -> FatalError:
    return FatalError(
        f"kafka-python {kafka.__version__} has no {part}, which is needed to read safely",
        hint="install the release of kafka-python that this program pins",
    )


try:
    from kafka.consumer.fetcher import Fetcher
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
    from kafka.coordinator.base import BaseCoordinator
    from kafka.net.sasl import get_sasl_mechanism
    from kafka.protocol.broker_version_data import BrokerVersionData
    from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
    from kafka.protocol.parser import KafkaProtocol
    from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest
    from kafka.record import default_records, legacy_records, memory_records
    from kafka.record.default_records import DefaultRecord, DefaultRecordBatch, DefaultRecordBatchBuilder
    from kafka.record.util import decode_varint
except ImportError as error:
    raise _unknown_client(f"{error.name}: {error}") from None

__all__ = [
    "MAX_BATCH_BYTES",
    "ApiVersionsRequest",
    "BrokerVersionData",
    "CooperativeStickyAssignor",
    "DefaultRecord",
    "DefaultRecordBatch",
    "FetchWatcher",
    "Fetcher",
    "KafkaProtocol",
    "MetadataRequest",
    "SaslAuthenticateRequest",
    "SaslHandshakeRequest",
    "check_client",
    "decode_varint",
    "free_read_out_slot",
    "get_sasl_mechanism",
    "has_codec",
    "hook_fetcher",
    "next_record_bytes",
    "note_fencing",
    "pass_record",
    "sendable",
]

MAX_BATCH_BYTES = 64 * 1024 * 1024
"""The most that the records of one batch may have decompressed. Producers send batches of about a megabyte."""

_CODECS = {"gzip_decode": GZIP, "snappy_decode": SNAPPY, "lz4_decode": LZ4, "zstd_decode": ZSTD}

USED = (
    (Fetcher, ("PartitionRecords", "fetched_records", "_parse_fetched_data", "_append", "_reset_offset_if_needed")),
    (Fetcher.PartitionRecords, ("_unpack_records", "take", "_maybe_raise_next_inline_exception")),
    (BaseCoordinator, ("_send_heartbeat_request",)),
    (memory_records, ("DefaultRecordBatchBuilder",)),
    (default_records, tuple(_CODECS)),
    (legacy_records, ("gzip_decode", "snappy_decode", "lz4_decode")),
    (DefaultRecordBatch, ("_buffer", "_pos", "_num_records", "_next_record_index", "_assert_has_codec")),
    (DefaultRecordBatch, ("LOG_APPEND_TIME", "CODEC_ZSTD")),
    (KafkaProtocol, ("send_request", "send_bytes", "receive_bytes")),
    (BrokerVersionData, ("api_version", "broker_version", "broker_version_str")),
)
USED_OF_CONSUMERS = (
    "_fetcher._next_partition_records",
    "_fetcher._subscriptions.is_fetchable",
    "_fetcher._subscriptions.is_offset_reset_needed",
    "_fetcher._subscriptions.move_partition_to_end",
)


def check_client(consumer: KafkaConsumer | None = None) -> None:
    """Raise FatalError unless the client, and `consumer`, have every part that is used here."""
    for owner, names in USED:
        for name in names:
            if not hasattr(owner, name):
                raise _unknown_client(f"{getattr(owner, '__qualname__', owner.__name__)}.{name}")
    for path in USED_OF_CONSUMERS if consumer is not None else ():
        part: Any = consumer
        for name in path.split("."):
            if not hasattr(part, name):
                raise _unknown_client(f"KafkaConsumer.{path}")
            part = getattr(part, name)


class FetchWatcher(Protocol):
    """What `hook_fetcher` tells. All but `moved` are called inside `KafkaConsumer.poll`, `moved` on another thread."""

    def fetched(self, partition: TopicPartition) -> None:
        """A broker has answered with records, or that there are none."""

    def failed(self, partition: TopicPartition, offset: int, error: type[Exception]) -> bool:
        """A broker has refused a fetch from `offset`. Returns whether the client shall deal with it."""

    def out_of_range(self, partition: TopicPartition, offset: int) -> None:
        """There is no record at `offset`, so the client will ask for another position."""

    def moved(self, partition: TopicPartition, offset: int) -> None:
        """The client now reads from `offset`."""

    def is_full(self) -> bool:
        """Whether this poll has returned enough bytes."""


def hook_fetcher(consumer: KafkaConsumer, records: Callable[..., Any], watcher: FetchWatcher) -> None:
    """Let `records` decode what `consumer` fetches, in place of `Fetcher.PartitionRecords`, and `watcher` watch.

    Raises:
        FatalError: this release of the client is built differently.
    """
    check_client(consumer)
    bound_decompression()
    fetcher: Any = consumer._fetcher
    parse, append, reset = fetcher._parse_fetched_data, fetcher._append, fetcher._reset_offset_if_needed
    subscriptions = fetcher._subscriptions

    @functools.wraps(parse)
    def parsing(fetch: Any) -> Any:
        partition, error = fetch.topic_partition, for_code(fetch.partition_data.error_code)
        if not subscriptions.is_fetchable(partition):
            return parse(fetch)
        if error is NoError:
            watcher.fetched(partition)
        elif error is not OffsetOutOfRangeError and not watcher.failed(partition, fetch.fetched_offset, error):
            subscriptions.move_partition_to_end(partition)
            return None
        parsed = parse(fetch)
        if error is OffsetOutOfRangeError and subscriptions.is_offset_reset_needed(partition):
            watcher.out_of_range(partition, fetch.fetched_offset)
        return parsed

    @functools.wraps(append)
    def appending(drained: Any, part: Any, max_records: int, update_offsets: Any) -> int:
        taken: int = append(drained, part, max_records, update_offsets)
        return max_records if watcher.is_full() else taken  # the client stops when it has `max_records`

    @functools.wraps(reset)
    def resetting(partition: Any, timestamp: Any, offset: int) -> None:
        reset(partition, timestamp, offset)
        watcher.moved(partition, offset)

    fetcher.PartitionRecords = records
    fetcher._parse_fetched_data, fetcher._append, fetcher._reset_offset_if_needed = parsing, appending, resetting


def bound_decompression() -> None:
    """Let the client decompress a batch to at most MAX_BATCH_BYTES, in all of this process.

    Past that, and where the data is damaged, reading a batch raises BadCompressionError.
    """
    for module in (default_records, legacy_records):
        for name, codec in _CODECS.items():
            if hasattr(module, name):
                setattr(module, name, functools.partial(_decompressed, codec))


def _decompressed(codec: int, payload: bytes | memoryview) -> bytes:
    return decompress(bytes(payload), codec, MAX_BATCH_BYTES)


def has_codec(batch: Any) -> None:
    """Raise UnsupportedCodecError unless this client can decompress `batch`."""
    if batch.compression_type:
        batch._assert_has_codec(batch.compression_type)


def next_record_bytes(batch: Any) -> tuple[int, int] | None:
    """Where the next record of an opened batch of version 2 begins and ends; None if there is none, or nobody knows."""
    if batch._next_record_index >= batch._num_records:
        return None
    try:
        length, start = decode_varint(batch._buffer, batch._pos)
    except (ValueError, IndexError):
        return None
    end = start + length
    return (start, end) if length > 0 and end <= len(batch._buffer) else None


def pass_record(batch: Any, start: int, end: int) -> bytes:
    """Move past the record that `next_record_bytes` has found, and return it without its length."""
    body = bytes(batch._buffer[start:end])
    batch._pos = end
    batch._next_record_index += 1
    return body


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
