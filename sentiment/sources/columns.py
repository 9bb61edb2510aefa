"""Which columns rows have that each bring their own keys, as JSON objects do."""

from __future__ import annotations

from collections.abc import Iterator, Set

from sentiment.bounded import MAX_COLUMNS, MAX_LINE_BYTES, in_mib
from sentiment.errors import InputError
from sentiment.sources.names import listed
from sentiment.sources.rows import BadRow, Row

AHEAD_ROWS = 1_000
_AHEAD_BYTES = 4 * MAX_LINE_BYTES


class SeenColumns:
    """The keys that rows have had, in the order in which they came; no more than a table may have columns."""

    def __init__(self, file: str) -> None:
        self.names: dict[str, None] = {}
        self._file = file
        self._n_characters = 0

    def add(self, row: Row) -> None:
        """Note the keys of a row. Raises InputError: there are too many, or they are too long together."""
        for key in row.values:
            if key not in self.names:
                self.names[key] = None
                self._n_characters += len(key)
        if len(self.names) > MAX_COLUMNS or self._n_characters > MAX_LINE_BYTES:
            raise InputError(
                f"{self._file}: the objects have more than {MAX_COLUMNS} different keys, or"
                f" {in_mib(MAX_LINE_BYTES)} of them ({row.place}); are they data?"
            )


def with_needed_columns(rows: Iterator[Row | BadRow], needed: Set[str], name: str) -> Iterator[Row | BadRow]:
    """The same rows, held back until each of the `needed` columns has been in one of them.

    Raises:
        InputError: one of them is in none of the first `AHEAD_ROWS` rows, or of all if there are fewer or long ones.
    """
    held: list[Row | BadRow] = []
    missing = set(needed)
    there: dict[str, None] = {}
    n_bytes = 0
    for row in rows:
        held.append(row)
        if isinstance(row, Row):
            missing -= row.values.keys()
            there.update(dict.fromkeys(row.values))
            n_bytes += len(row.raw or b"")
        if not missing or len(held) >= AHEAD_ROWS or n_bytes > _AHEAD_BYTES:
            break
    first = held[0] if held else None
    if not there and isinstance(first, BadRow):
        raise InputError(f"{name} has no row that can be read; the first ({first.place}): {first.message}")
    if missing and held:
        rest = f" among its first {len(held):,} rows" if len(held) >= AHEAD_ROWS or n_bytes > _AHEAD_BYTES else ""
        raise InputError(
            f"{name} has no column {listed(sorted(missing))}{rest}", hint=f"its columns are: {listed(there)}"
        )
    yield from held
    yield from rows
