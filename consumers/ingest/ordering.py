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
    """Sort `rows` by time and leave out the first `skip`. Rows of equal time keep their order; all must have a time."""
    with closing(sqlite3.connect(_UNNAMED)) as database:
        # Nothing has to survive a crash. What sorting needs beside the rows goes to the disk, too.
        database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;")
        database.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, time_us INTEGER, event BLOB)")
        database.executemany("INSERT INTO rows VALUES (?, ?, ?)", map(_to_record, rows))
        database.execute("CREATE INDEX by_time ON rows (time_us, number)")
        yield _read(database, skip)


def _to_record(row: Publishable) -> tuple[int, int, bytes]:
    time = row.created_at
    if time is None:
        raise ValueError("a row without a time cannot be sorted")
    return row.number, (time - _EPOCH) // timedelta(microseconds=1), encode(row.event)


def _read(database: sqlite3.Connection, skip: int) -> Iterator[Publishable]:
    query = "SELECT number, time_us, event FROM rows ORDER BY time_us, number LIMIT -1 OFFSET ?"
    for number, time_us, event in database.execute(query, (skip,)):
        yield Publishable(number, _decoder.decode(event), _EPOCH + timedelta(microseconds=time_us))
