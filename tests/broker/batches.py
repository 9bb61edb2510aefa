"""Record batches as producers send them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from kafka.record import MemoryRecordsBuilder


def batch(
    values: Sequence[bytes],
    *,
    keys: Sequence[bytes] | None = None,
    timestamp_ms: int | Sequence[int] | None = None,
    producer: tuple[int, int] = (-1, -1),
    sequence: int = -1,
    transactional: bool = False,
) -> bytes:
    """One batch; `producer` is (id, epoch). `timestamp_ms` is one for all records, or one for each; None is now."""
    same_ms = timestamp_ms if isinstance(timestamp_ms, int) else int(time.time() * 1000)
    times = timestamp_ms if isinstance(timestamp_ms, Sequence) else [same_ms] * len(values)
    builder = MemoryRecordsBuilder(2, 0, 1 << 24)
    for number, value in enumerate(values):
        builder.append(timestamp=times[number], key=keys[number] if keys else None, value=value)
    if producer[0] >= 0:
        builder.set_producer_state(*producer, sequence, transactional)
    builder.close()
    return bytes(builder.buffer())
