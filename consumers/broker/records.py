"""The records inside a batch: decompressed within a bound, and every length checked.

Header names are not decoded: Apache Kafka does not ask for UTF-8 there.
"""

from collections.abc import Iterator
from typing import NamedTuple

from consumers.broker.batch import HEADER_BYTES, BatchHeader, read_header
from sentiment.codecs import BadCompressionError, TooLongError, decompress

MAX_RECORDS_BYTES = 64 * 1024 * 1024
"""Most bytes of one batch's records, decompressed."""
_CODEC = 0x07
_LOG_APPEND_TIME = 0x08


class BadRecordsError(Exception):
    """The records of a batch cannot be read."""


class StoredRecord(NamedTuple):
    """What looking up a time and compaction need of one record."""

    offset: int
    timestamp_ms: int
    key: bytes | None


def check_records(data: bytes, header: BatchHeader) -> None:
    """Raise BadRecordsError unless the batch's records are as many and as long as they say."""
    for _ in _walk(_payload(data, header), header.record_count):
        pass


def records(data: bytes) -> Iterator[StoredRecord]:
    """The records of one whole batch. Raises BadRecordsError."""
    header = read_header(data)
    payload = _payload(data, header)
    stamped = header.attributes & _LOG_APPEND_TIME
    for number, timestamp_delta, key_start, key_end in _walk(payload, header.record_count):
        timestamp_ms = header.max_timestamp_ms if stamped else header.base_timestamp_ms + timestamp_delta
        key = None if key_start < 0 else payload[key_start:key_end]
        yield StoredRecord(header.base_offset + number, timestamp_ms, key)


def _payload(data: bytes, header: BatchHeader) -> bytes:
    body = data[HEADER_BYTES : header.size]
    codec = header.attributes & _CODEC
    if codec == 0:
        return body
    try:
        return decompress(body, codec, MAX_RECORDS_BYTES)
    except TooLongError:
        raise BadRecordsError(f"the records have more than {MAX_RECORDS_BYTES} bytes decompressed") from None
    except BadCompressionError as error:
        raise BadRecordsError(f"the records cannot be decompressed: {error}") from error


def _walk(data: bytes, count: int) -> Iterator[tuple[int, int, int, int]]:
    """(number, timestamp delta, start and end of the key) of each record; start and end of no key are -1."""
    position, end = 0, len(data)
    try:
        for number in range(count):
            length, position = _varint(data, position)
            record_end = position + length
            if length < 0 or record_end > end:
                raise BadRecordsError("a record is longer than its batch")
            timestamp_delta, position = _varint(data, position + 1)
            offset_delta, position = _varint(data, position)
            if offset_delta != number:
                raise BadRecordsError("the records are not numbered in order")
            key_length, position = _varint(data, position)
            key = (position, position + key_length) if key_length >= 0 else (-1, -1)
            value_length, position = _varint(data, position + max(key_length, 0))
            headers, position = _varint(data, position + max(value_length, 0))
            if headers:
                position = _after_headers(data, position, headers, record_end)
            if position != record_end:
                raise BadRecordsError("the lengths in a record do not add up")
            yield number, timestamp_delta, *key
    except IndexError:
        raise BadRecordsError("a record is cut short") from None
    if position != end:
        raise BadRecordsError("bytes are left after the last record")


def _after_headers(data: bytes, position: int, count: int, record_end: int) -> int:
    if not 0 <= count <= record_end - position:
        raise BadRecordsError("a record states an impossible number of headers")
    for _ in range(count):
        name_length, position = _varint(data, position)
        if name_length < 0:
            raise BadRecordsError("a header has no name")
        value_length, position = _varint(data, position + name_length)
        position += max(value_length, 0)
    return position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A zigzag number of at most ten bytes, and the position after it. Raises IndexError at the end of `data`."""
    byte = data[position]
    position += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position
    value, shift = byte & 0x7F, 7
    while byte >= 0x80:
        if shift > 63:
            raise BadRecordsError("a number has more than ten bytes")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
    return (value >> 1) ^ -(value & 1), position
