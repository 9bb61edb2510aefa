"""Groups rows into batches: as large as is sensible at full speed, and as soon as they are due in a replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from consumers.cluster.records import OutgoingRecord
from consumers.ingest.fields import Publishable
from consumers.ingest.pacing import Pace
from sentiment.events import encode

# A transaction costs about 10 ms. Over a thousand rows that is little, and so is what a kill makes us repeat.
MAX_ROWS = 1_000
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row as it is sent, and the digest to remember it by; an empty one is not remembered."""

    record: OutgoingRecord
    digest: bytes = b""


def to_record(row: Publishable, topic: str, shift: timedelta) -> OutgoingRecord:
    """A feedback record for `row`. Its key is the id, so that rows spread evenly over the partitions.

    The record's timestamp is now, not the time of the row, because brokers delete records by it.
    """
    event = row.event
    if row.created_at is not None:
        event = msgspec.structs.replace(event, created_at=row.created_at + shift)
    return OutgoingRecord(topic=topic, value=encode(event), key=(event.id or "").encode())


def batches(
    rows: Iterable[Publishable | None],
    prepare: Callable[[Publishable], Prepared],
    *,
    speed: float | None,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[list[Prepared]]:
    """Yield non-empty batches in the order of `rows`. None among the rows means: no other for the moment.

    With a `speed`, no row is yielded before it is due, and rows that are due do not wait for those that are not.
    """
    pending: list[Prepared] = []
    n_bytes = 0
    pace: Pace | None = None
    for row in rows:
        if row is not None and speed is not None and row.created_at is not None:
            pace = pace or Pace(speed, row.created_at, monotonic())
            if pace.wait_s(row.created_at, monotonic()) > 0:
                if pending:
                    yield pending
                    pending, n_bytes = [], 0
                sleep(pace.wait_s(row.created_at, monotonic()))
        if row is not None:
            prepared = prepare(row)
            pending.append(prepared)
            n_bytes += len(prepared.record.value or b"")
        if pending and (row is None or len(pending) >= MAX_ROWS or n_bytes >= MAX_BYTES):
            yield pending
            pending, n_bytes = [], 0
    if pending:
        yield pending
