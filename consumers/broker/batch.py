"""Record batches, format version 2: their header, the checks on arrival, and control batches.

Layout: https://kafka.apache.org/documentation/#recordbatch. The checksum does not cover the base offset and the leader
epoch, so a broker can set both without touching anything else.
"""

import struct
from typing import NamedTuple

from kafka.record.util import calc_crc32c

from consumers.broker.codes import BrokerError, Code

_HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_BYTES = _HEADER.size
LENGTH_OVERHEAD = 12
"""Bytes before what the length field counts: base offset and the field itself."""
_CHECKSUM_FROM = 21
_MAGIC = 2
_PREFIX = struct.Struct(">qi4xb")
_CONTROL_TYPE_AT = 69

_LOG_APPEND_TIME = 0x08
_TRANSACTIONAL = 0x10
_CONTROL = 0x20


class BatchHeader(NamedTuple):
    """The 61 bytes before the records; times are epoch milliseconds."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp_ms: int
    max_timestamp_ms: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def size(self) -> int:
        """Bytes of the whole batch, header included."""
        return LENGTH_OVERHEAD + self.length

    @property
    def last_sequence(self) -> int:
        """Sequence numbers wrap from 2**31 - 1 to 0."""
        return (self.base_sequence + self.last_offset_delta) & 0x7FFFFFFF

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & _CONTROL)


def read_header(data: bytes | memoryview, position: int = 0) -> BatchHeader:
    """The header at `position`. Raises struct.error if fewer than HEADER_BYTES are left."""
    return BatchHeader._make(_HEADER.unpack_from(data, position))


def checksum_matches(data: bytes | memoryview, header: BatchHeader) -> bool:
    """Whether `data`, exactly one batch, is what its producer sent."""
    return int(calc_crc32c(memoryview(data)[_CHECKSUM_FROM:])) == header.crc


def plausible(header: BatchHeader) -> bool:
    """Whether the lengths can be those of a batch. Ask before reading as many bytes as they say."""
    return header.magic == _MAGIC and header.length >= HEADER_BYTES - LENGTH_OVERHEAD and header.last_offset_delta >= 0


def parse_produced(data: bytes, max_bytes: int) -> BatchHeader:
    """Check what a producer sent for one partition: exactly one sound batch of at most `max_bytes`.

    Raises BrokerError with the code that Apache Kafka gives.
    """
    if len(data) >= _PREFIX.size and _PREFIX.unpack_from(data)[2] != _MAGIC:
        raise BrokerError(Code.UNSUPPORTED_FOR_MESSAGE_FORMAT, "only record batches of version 2 are accepted")
    if len(data) < HEADER_BYTES:
        raise BrokerError(Code.CORRUPT_MESSAGE, "the record batch is shorter than its header")
    header = read_header(data)
    if not plausible(header) or header.size > len(data):
        raise BrokerError(Code.CORRUPT_MESSAGE, "the record batch does not have the length that it states")
    if header.size < len(data):
        raise BrokerError(Code.INVALID_RECORD, "a produce request holds exactly one record batch for each partition")
    if header.size > max_bytes:
        raise BrokerError(Code.MESSAGE_TOO_LARGE, f"batch of {header.size} bytes, max.message.bytes is {max_bytes}")
    if not checksum_matches(data, header):
        raise BrokerError(Code.CORRUPT_MESSAGE, "the record batch fails its checksum")
    if header.is_control:
        raise BrokerError(Code.INVALID_RECORD, "clients may not write control batches")
    if header.record_count <= 0 or header.last_offset_delta != header.record_count - 1:
        raise BrokerError(Code.INVALID_RECORD, "the batch's record count and last offset delta do not agree")
    return header


def with_offset(data: bytes, base_offset: int) -> bytes:
    """The same batch with its offset in the log, and leader epoch 0."""
    return struct.pack(">q", base_offset) + data[8:12] + b"\0\0\0\0" + data[16:]


def with_append_time(data: bytes, now_ms: int) -> bytes:
    """The same batch stamped by the broker (`message.timestamp.type=LogAppendTime`), checksum renewed."""
    (attributes,) = struct.unpack_from(">h", data, 21)
    body = struct.pack(">h", attributes | _LOG_APPEND_TIME) + data[23:35] + struct.pack(">q", now_ms) + data[43:]
    return data[:17] + struct.pack(">I", calc_crc32c(body)) + body


def without_transaction(data: bytes) -> bytes:
    """The same records in a batch outside any transaction: for a batch whose transaction has committed."""
    (attributes,) = struct.unpack_from(">h", data, 21)
    body = struct.pack(">h", attributes & ~_TRANSACTIONAL) + data[23:]
    return data[:17] + struct.pack(">I", calc_crc32c(body)) + body


def control_batch(producer_id: int, producer_epoch: int, *, commit: bool, now_ms: int) -> bytes:
    """The marker that ends a transaction in one partition.

    One record: its key is (version 0, type), its value (version 0, coordinator epoch 0).
    """
    key = struct.pack(">hh", 0, int(commit))
    value = struct.pack(">hi", 0, 0)
    # Attributes, timestamp delta, offset delta, key, value, no headers. Lengths are zigzag varints of one byte.
    record = b"\0\0\0" + bytes([len(key) * 2]) + key + bytes([len(value) * 2]) + value + b"\0"
    record = bytes([len(record) * 2]) + record
    body = (
        struct.pack(">hiqqqhii", _TRANSACTIONAL | _CONTROL, 0, now_ms, now_ms, producer_id, producer_epoch, -1, 1)
        + record
    )
    return struct.pack(">qiibI", 0, 9 + len(body), 0, _MAGIC, calc_crc32c(body)) + body


def is_abort_marker(data: bytes | memoryview) -> bool:
    """Whether a control batch made by `control_batch` aborts."""
    return data[_CONTROL_TYPE_AT] == 0
