"""Which rows of an export are published already. What is remembered is on the disk, in a database without a name.

A row with an id is published once, whatever else it says later. A row without one is known by its content, and counts
as often as it occurs: if an export has three equal rows, and two were published, one is new.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from consumers.ingest.fields import Publishable
from consumers.ingest.identity import DIGEST_BYTES, IDENTITY_BYTES, row_digest
from consumers.ingest.ordering import temporary_database
from sentiment.errors import InputError

_SUSPICIOUS_ROWS = 20


@dataclass(slots=True)
class Comparison:
    """How many rows are new, how many were published before, and how many of those have another text now.

    `alike` rows are new, but have the text and the time of a row without an id that was published. `repeated` rows have
    the id of a row before them in the same input.
    """

    new: int = 0
    before: int = 0
    changed: int = 0
    alike: int = 0
    repeated: int = 0

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return self.new + self.before + self.repeated

    def require_same_export(self, name: str) -> None:
        """Raise InputError if most ids mean something else than before, or most rows differ in another column."""
        if self.changed >= _SUSPICIOUS_ROWS and self.changed * 2 > self.before:
            raise InputError(
                f"{name} is not the export that was published before: {self.changed:,} of {self.before:,} ids that were"
                " published have another text",
                hint="tell exports apart with --product, or name another --id-field; --restart publishes all rows",
            )
        if self.alike >= _SUSPICIOUS_ROWS and self.alike * 2 > self.new:
            raise InputError(
                f"{name} has other columns than before: {self.alike:,} of {self.new:,} rows that would be new have the"
                " text and the time of published ones",
                hint="export the same columns, or rows with an id (--id-field); --restart publishes all rows",
            )


class KnownRows:
    """The rows that are published, counted by what they are known by."""

    def __init__(self, database: sqlite3.Connection, digests: Iterable[bytes]) -> None:
        self._database = database
        self.found = Comparison()
        database.execute(
            "CREATE TABLE known (identity BLOB PRIMARY KEY, likeness BLOB, published INT, seen INT) WITHOUT ROWID"
        )
        database.executemany(
            "INSERT INTO known VALUES (?, ?, 1, 0)"
            " ON CONFLICT DO UPDATE SET published = published + 1, likeness = excluded.likeness",
            _split(digests),
        )
        database.execute("CREATE INDEX by_likeness ON known (likeness)")

    def is_new(self, row: Publishable) -> bool:
        """Whether to publish this row. Ask once for each row of an input: it counts."""
        digest = row_digest(row)
        identity, likeness = digest[:IDENTITY_BYTES], digest[IDENTITY_BYTES:]
        query = "SELECT likeness, published, seen FROM known WHERE identity = ?"
        before, published, seen = self._database.execute(query, (identity,)).fetchone() or (likeness, 0, 0)
        self._database.execute(
            "INSERT INTO known VALUES (?, ?, 0, 1) ON CONFLICT DO UPDATE SET seen = seen + 1", (identity, likeness)
        )
        if row.has_id and seen:
            self.found.repeated += 1
            return False
        if seen < published:
            self.found.before += 1
            self.found.changed += likeness != before
            return False
        self.found.new += 1
        if not row.has_id and row.created_at is not None and not published:
            self.found.alike += self._is_alike(likeness)
        return True

    def _is_alike(self, likeness: bytes) -> bool:
        query = "SELECT EXISTS (SELECT 1 FROM known WHERE likeness = ? AND published > 0)"
        return bool(self._database.execute(query, (likeness,)).fetchone()[0])


@contextmanager
def known_rows(digests: Iterable[bytes]) -> Iterator[KnownRows]:
    """The rows with these digests; each of `digests` may hold several, one after the other."""
    with closing(temporary_database()) as database:
        yield KnownRows(database, digests)


def _split(digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for several in digests:
        for start in range(0, len(several) - DIGEST_BYTES + 1, DIGEST_BYTES):
            digest = several[start : start + DIGEST_BYTES]
            yield digest[:IDENTITY_BYTES], digest[IDENTITY_BYTES:]
