"""Record batches as producers send them."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

from kafka.record import MemoryRecordsBuilder
from kafka.record.util import calc_crc32c


def batch(
    values: Sequence[bytes],
    *,
    keys: Sequence[bytes] | None = None,
    timestamp_ms: int | Sequence[int] | None = None,
    producer: tuple[int, int] = (-1, -1),
    sequence: int = -1,
    transactional: bool = False,
    headers: Sequence[Sequence[tuple[str, bytes | None]]] | None = None,
    codec: int = 0,
) -> bytes:
    """One batch; `producer` is (id, epoch). `timestamp_ms` is one for all records, or one for each; None is now."""
    same_ms = timestamp_ms if isinstance(timestamp_ms, int) else int(time.time() * 1000)
    times = timestamp_ms if isinstance(timestamp_ms, Sequence) else [same_ms] * len(values)
    builder = MemoryRecordsBuilder(2, codec, 1 << 24)
    for number, value in enumerate(values):
        key = keys[number] if keys else None
        builder.append(timestamp=times[number], key=key, value=value, headers=headers[number] if headers else [])
    if producer[0] >= 0:
        builder.set_producer_state(*producer, sequence, transactional)
    builder.close()
    return bytes(builder.buffer())


def at_offset(data: bytes, offset: int) -> bytes:
    """The batch as a broker stores it at `offset`."""
    return struct.pack(">q", offset) + data[8:]


def signed(data: bytes) -> bytes:
    """The batch with a checksum that is right, whatever was changed in it."""
    return data[:17] + struct.pack(">I", calc_crc32c(data[21:])) + data[21:]


def with_odd_header(values: Sequence[bytes], odd: int) -> bytes:
    """One batch, in which record number `odd` has a header `b"\\xffname"`, which is not UTF-8."""
    headers = [[("+name", b"content")] if number == odd else [("plain", b"")] for number in range(len(values))]
    data = batch(values, keys=[b"k"] * len(values), headers=headers)
    assert data.count(b"+name") == 1
    return signed(data.replace(b"+name", b"\xffname"))
