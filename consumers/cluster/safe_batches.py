"""Batches of a fetch whose records come out whatever they hold.

What cannot be decoded comes as a record without content, whose checksum is a `Fault`. `polling` puts this in the place
of the client's own decoding.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from kafka.errors import CorruptRecordError, UnsupportedCodecError

from consumers.cluster.client_internals import (
    DefaultRecord,
    DefaultRecordBatch,
    decode_varint,
    has_codec,
    next_record_bytes,
    pass_record,
)
from sentiment.codecs import BadCompressionError

_LONG_RECORD_BYTES = 1024 * 1024
_MAX_HEADERS = 200_000
"""Of a long record: its headers may take two bytes each, and a hundred in memory."""

Codecs = Callable[[Any, int, UnsupportedCodecError | None], None]
"""Called for each compressed batch with partition, first offset wanted, and the error if nobody here can read it."""


class Fault(str):
    """Why offsets of a partition cannot be read. Says nothing of what they hold."""

    __slots__ = ()


class SafeBatches:
    """The batches of one fetch of one partition, from the offset `position`, up to one whose codec is not installed.

    What another machine could read is not given up.
    """

    def __init__(
        self, partition: Any, position: int, batches: Any, suspects: set[tuple[Any, int]], codecs: Codecs
    ) -> None:
        self._partition = partition
        self._position = position
        self._batches = batches
        self._suspects = suspects
        self._codecs = codecs
        self._over = False

    def next_batch(self) -> Any:
        """The next batch; None at the end, and after a batch whose header cannot be believed.

        The rest is then fetched again, because the lost batch may have been the end of an aborted transaction.
        """
        if self._over:
            return None
        try:
            batch = self._batches.next_batch()
        except (CorruptRecordError, struct.error):
            return self._doubted(self._position, "the header of its batch is damaged")
        if batch is None:
            return None
        if not batch.validate_crc():
            return self._doubted(self._last_of_doubtful(batch), "the checksum of its batch is wrong")
        if not self._can_decompress(batch):
            self._over = True
            return None
        last = batch.last_offset if batch.magic == 2 else batch.base_offset
        first, self._position = self._position, max(self._position, last + 1)
        return _SafeBatch(batch, first, last)

    def _can_decompress(self, batch: Any) -> bool:
        """Whether the codec is here. One that Kafka does not know is a fault of the batch."""
        codec = batch.compression_type
        if not codec or codec > DefaultRecordBatch.CODEC_ZSTD:
            return True
        try:
            has_codec(batch)
        except UnsupportedCodecError as error:
            self._codecs(self._partition, self._position, error)
            return False
        self._codecs(self._partition, self._position, None)
        return True

    def _last_of_doubtful(self, batch: Any) -> int:
        """Two fields that agree are believed. Otherwise one offset is given up, and the next fetch comes here again."""
        if batch.magic != 2:
            return max(self._position, int(batch.base_offset))
        agree = batch.last_offset_delta == batch.records_count - 1
        return max(self._position, int(batch.last_offset)) if agree else self._position

    def _doubted(self, last: int, why: str) -> _LostBatch | None:
        """Give up the offsets up to `last`. Not the first time: then only the transfer may have been at fault."""
        self._over = True
        suspect = (self._partition, self._position)
        if suspect not in self._suspects:
            self._suspects.add(suspect)
            return None
        self._suspects.discard(suspect)
        return _LostBatch(_damaged(self._position, last, why))


class _SafeBatch:
    """A batch whose records come out whatever they hold, from offset `first` to `last`; otherwise the batch itself."""

    def __init__(self, batch: Any, first: int, last: int) -> None:
        self._batch = batch
        self._first = first
        self._last = last
        self._lowest = batch.base_offset if batch.magic == 2 else 0
        self._why_over = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def validate_crc(self) -> bool:
        """The checksum has been compared."""
        return True

    def __iter__(self) -> Iterator[Any]:
        """The records in the order of their offsets."""
        for record in self._records():
            if not self._lowest <= record.offset <= self._last:  # going back would mean reading the same for ever
                self._why_over = "the offsets of its batch are out of order"
                break
            self._lowest = record.offset + 1
            yield record
        first = max(self._first, self._lowest)
        if self._why_over and first <= self._last:
            yield _damaged(first, self._last, self._why_over)

    def _records(self) -> Iterator[Any]:
        """The records up to the first whose end is not known; then `_why_over` says why."""
        batch = self._batch
        try:
            records = iter(batch)
            while True:
                try:
                    record = _salvaged(batch, self._lowest) if _next_is_long(batch) else next(records)
                except CorruptRecordError:
                    record = _salvaged(batch, self._lowest) if batch.magic == 2 else None
                if record is None:
                    self._why_over = "the rest of its batch is damaged"
                    return
                whole = record.validate_crc()
                yield record if whole else _damaged(record.offset, record.offset, "its checksum is wrong")
        except StopIteration:
            return
        except UnsupportedCodecError:
            self._why_over = "its batch is compressed in a way that Kafka does not know"
        except BadCompressionError as error:
            self._why_over = f"its batch cannot be decompressed: {error}"
        except Exception as error:  # noqa: BLE001 every codec has errors of its own, and none of them may stop a reader
            self._why_over = f"its batch cannot be decompressed ({type(error).__name__})"


class _LostBatch:
    """Stands for offsets that cannot be read: a batch of one damaged record."""

    magic = 2
    leader_epoch = -1
    is_control_batch = False

    def __init__(self, record: _DamagedRecord) -> None:
        self.base_offset = record.offset
        self.next_offset = record.offset + 1
        self._record = record

    def validate_crc(self) -> bool:
        """There is nothing to check."""
        return True

    def has_producer_id(self) -> bool:
        """Of no known producer."""
        return False

    def __iter__(self) -> Iterator[Any]:
        yield self._record


class _DamagedRecord(DefaultRecord):  # type: ignore[misc]  # the client is untyped
    """A record without content. The client passes its checksum on untouched, so the fault travels in its place."""

    __slots__ = ("_fault",)

    def __init__(self, offset: int, fault: Fault) -> None:
        super().__init__(0, offset, -1, 0, None, None, [])
        self._fault = fault

    @property
    def checksum(self) -> Fault:
        """Why it has no content."""
        return self._fault


def _damaged(first: int, last: int, why: str) -> _DamagedRecord:
    what = f"offset {last}" if first >= last else f"offsets {first} to {last}"
    return _DamagedRecord(last, Fault(f"{what} cannot be read: {why}"))


def _next_is_long(batch: Any) -> bool:
    found = next_record_bytes(batch) if batch.magic == 2 else None
    return found is not None and found[1] - found[0] > _LONG_RECORD_BYTES


def _salvaged(batch: Any, offset: int) -> Any | None:
    """The next record, decoded here, and the batch moved on. None if its end is not known.

    A record that is damaged gets `offset`, the next one that is possible.
    """
    found = next_record_bytes(batch)
    if found is None:
        return None
    body = pass_record(batch, *found)
    try:
        return _decoded(batch, body)
    except (ValueError, IndexError):
        return _damaged(offset, offset, "the record is damaged")


def _decoded(batch: Any, body: bytes) -> Any:
    """The record in `body`, its header names escaped where they are not UTF-8. Raises ValueError or IndexError."""
    _, at = decode_varint(body, 0)
    since_first_ms, at = decode_varint(body, at)
    offset_delta, at = decode_varint(body, at)
    key, at = _nullable_bytes(body, at)
    value, at = _nullable_bytes(body, at)
    n_headers, at = decode_varint(body, at)
    if n_headers > _MAX_HEADERS:
        raise ValueError("too many headers")
    headers = []
    for _ in range(n_headers):
        name, at = _nullable_bytes(body, at)
        content, at = _nullable_bytes(body, at)
        if name is None:
            raise ValueError("a header without a name")
        headers.append((name.decode("utf-8", "backslashreplace"), content))
    if n_headers < 0 or at != len(body):
        raise ValueError("the record is longer than its parts")
    appended = batch.timestamp_type == DefaultRecordBatch.LOG_APPEND_TIME
    timestamp_ms = batch.max_timestamp if appended else batch.first_timestamp + since_first_ms
    offset = batch.base_offset + offset_delta
    return DefaultRecord(len(body), offset, timestamp_ms, batch.timestamp_type, key, value, headers)


def _nullable_bytes(body: bytes, at: int) -> tuple[bytes | None, int]:
    length, at = decode_varint(body, at)
    if length < 0:
        return None, at
    if at + length > len(body):
        raise ValueError("a part is longer than the record")
    return body[at : at + length], at + length
