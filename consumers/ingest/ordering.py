"""Sorts rows by time, in memory that does not grow with the file.

Exports are often sorted newest first. Published in that order, almost every row would be late for whatever works in
event time. The rows are sorted in a temporary SQLite database. Its file has no name, because SQLite unlinks it as soon
as it is open. So nobody else can open it, and it is gone when this process ends, however it ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import msgspec

from consumers.ingest.fields import Publishable
from sentiment.events import FeedbackInput, encode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNNAMED = ""
"""The name with which SQLite makes a temporary database on the disk, in a file without a name."""
_decoder = msgspec.json.Decoder(FeedbackInput)


@contextmanager
def in_order_of_time(rows: Iterable[Publishable], skip: int) -> Iterator[Iterator[Publishable]]:
    """Sort `rows` by time and leave out the first `skip`. Rows of equal time, or without any, keep their order.

    All rows are read before this returns. Either all have a time, or none.
    """
    with closing(temporary_database()) as database:
        database.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, time_us INTEGER, event BLOB, has_id INTEGER)")
        database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", map(_to_record, rows))
        database.execute("CREATE INDEX by_time ON rows (time_us, number)")
        yield _read(database, skip)


def temporary_database() -> sqlite3.Connection:
    """An empty database on the disk that nobody else can open, and that is gone when this process ends."""
    database = sqlite3.connect(_UNNAMED)
    # Nothing has to survive a crash. What sorting needs beside the rows goes to the disk, too.
    database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;")
    return database


def _to_record(row: Publishable) -> tuple[int, int | None, bytes, bool]:
    time_us = None if row.created_at is None else (row.created_at - _EPOCH) // timedelta(microseconds=1)
    return row.number, time_us, encode(row.event), row.has_id


def _read(database: sqlite3.Connection, skip: int) -> Iterator[Publishable]:
    query = "SELECT number, time_us, event, has_id FROM rows ORDER BY time_us, number LIMIT -1 OFFSET ?"
    for number, time_us, event, has_id in database.execute(query, (skip,)):
        time = None if time_us is None else _EPOCH + timedelta(microseconds=time_us)
        yield Publishable(number, _decoder.decode(event), time, bool(has_id))
