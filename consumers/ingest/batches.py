"""Groups rows into batches: as large as is sensible at full speed, and as soon as they are due in a replay."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

import msgspec

from consumers.cluster.records import OutgoingRecord
from consumers.ingest.fields import Publishable
from consumers.ingest.pacing import Pace
from sentiment.events import encode

T = TypeVar("T")

# A transaction costs about 10 ms. Over a thousand rows that is little, and so is what a kill makes us repeat.
MAX_ROWS = 1_000
MAX_BYTES = 4 * 1024 * 1024

IDLE_S = 0.2
"""Rows from a slow pipe are published when no other row has come for this long."""


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
    convert: Callable[[Publishable], OutgoingRecord],
    *,
    speed: float | None,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[list[OutgoingRecord]]:
    """Yield non-empty batches of records in the order of `rows`. None among the rows means: no other for the moment.

    With a `speed`, no row is yielded before it is due, and rows that are due do not wait for those that are not.
    """
    pending: list[OutgoingRecord] = []
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
            record = convert(row)
            pending.append(record)
            n_bytes += len(record.value or b"")
        if pending and (row is None or len(pending) >= MAX_ROWS or n_bytes >= MAX_BYTES):
            yield pending
            pending, n_bytes = [], 0
    if pending:
        yield pending


def with_idle_marks(items: Iterable[T], idle_s: float = IDLE_S) -> Iterator[T | None]:
    """Yield `items`, and None whenever none came for `idle_s` seconds. A thread reads ahead.

    The thread is a daemon, because it may be stuck in a read that never returns when the process ends.
    """
    ahead: queue.Queue[list[T] | BaseException | None] = queue.Queue(maxsize=MAX_ROWS)

    def read() -> None:
        try:
            for item in items:
                ahead.put([item])
            ahead.put(None)
        except BaseException as error:  # noqa: BLE001 raised again in the thread that consumes
            ahead.put(error)

    threading.Thread(target=read, name="read-ahead", daemon=True).start()
    while True:
        try:
            found = ahead.get(timeout=idle_s)
        except queue.Empty:
            yield None
            continue
        if found is None:
            return
        if isinstance(found, BaseException):
            raise found
        yield found[0]
