"""Which columns rows have that each bring their own keys, as JSON objects do."""

from __future__ import annotations

from collections.abc import Iterator, Set

from sentiment.bounded import MAX_COLUMNS, MAX_LINE_BYTES
from sentiment.errors import InputError
from sentiment.sources.names import listed
from sentiment.sources.rows import BadRow, Row

AHEAD_ROWS = 1_000
_AHEAD_BYTES = 4 * MAX_LINE_BYTES


def require_few_columns(n_columns: int, name: str, place: str) -> None:
    """Raise InputError if the rows have more different keys than a table may have columns."""
    if n_columns > MAX_COLUMNS:
        raise InputError(f"{name}: the objects have more than {MAX_COLUMNS} different keys ({place}); are they data?")


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
