"""The input of a re-scoring: surveyed once in full, then read in parts of a fixed number of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from consumers.rescore.json_types import Kind, kind_of, merge_kinds
from sentiment.errors import InputError
from sentiment.sources import FileFormat, InputFile, Row, open_rows
from sentiment.sources.columns import SeenColumns
from sentiment.sources.headers import find_column
from sentiment.sources.inputs import reading
from sentiment.sources.names import listed
from sentiment.sources.whole import whole_rows

if TYPE_CHECKING:
    import pyarrow as pa

PART_ROWS = 1_000
"""Rows that are scored and written together. Batches are planned within a part, so this may change a result."""

PART_BYTES = 32 * 1024 * 1024
"""A part that is larger than this ends early. A thousand texts of the greatest length fit."""

_HASH_BYTES = 1 << 20
_TELL_EVERY_ROWS = 5_000
_ALL_ROWS = "every input row must be in the output"


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first pass found. `text_field` is one of the columns.

    `kinds` are the column types of a JSONL file; `n_padded` rows lack fields.
    """

    sha256: str
    n_rows: int
    n_padded: int
    columns: tuple[str, ...]
    text_field: str
    kinds: dict[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive rows. A Parquet input also gives them as a `table`, so that their types survive."""

    rows: Sequence[Row]
    table: pa.Table | None = None


def survey(given: InputFile, file_format: FileFormat, text_field: str, tell: Callable[[int], None]) -> Survey:
    """Read the whole input once.

    Raises:
        InputError: it cannot be read to its end, a row is broken (the output must hold every row), or there is no such
            text column.
    """
    digest = _sha256(given)
    n_rows = n_padded = 0
    kinds: dict[str, Kind] = {}
    seen = SeenColumns(given.name)
    with open_rows(given, file_format) as source:
        columns = source.columns
        for row in whole_rows(source.rows, given.name, hint=_ALL_ROWS):
            n_rows += 1
            n_padded += row.padded
            if columns is None:
                seen.add(row)
                _note_kinds(kinds, row)
            if n_rows % _TELL_EVERY_ROWS == 0:
                tell(n_rows)
    names = tuple(kinds) if columns is None else columns
    found_field = find_column(text_field, names, given.name)
    if found_field is None:
        raise InputError(
            f"{given.name} has no column {text_field!r}",
            hint=f"name the column of the text with --text-field; the columns are: {listed(names)}",
        )
    return Survey(digest, n_rows, n_padded, names, found_field, kinds)


def read_parts(given: InputFile, file_format: FileFormat, skip_parts: int) -> Iterator[Part]:
    """The input in parts, after the first `skip_parts`. Without rows it is one empty part. Raises InputError."""
    if file_format == "parquet":
        yield from _read_tables(given, skip_parts)
        return
    with open_rows(given, file_format) as source:
        rows = whole_rows(source.rows, given.name, hint=_ALL_ROWS)
        yield from islice(map(Part, in_parts(rows)), skip_parts, None)


def in_parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """`rows` in lists of `PART_ROWS`, or fewer that are larger than `PART_BYTES`; at least one list."""
    part: list[Row] = []
    n_parts = n_bytes = 0
    for row in rows:
        part.append(row)
        n_bytes += _size(row)
        if len(part) == PART_ROWS or n_bytes > PART_BYTES:
            yield part
            part, n_bytes = [], 0
            n_parts += 1
    if part or not n_parts:
        yield part


def _size(row: Row) -> int:
    """About what the row has in its file, in bytes."""
    if row.raw is not None:
        return len(row.raw)
    return sum(len(value) for value in row.values.values() if isinstance(value, str))


def _read_tables(given: InputFile, skip_parts: int) -> Iterator[Part]:
    import pyarrow as pa

    from sentiment.sources.parquet_rows import open_parquet, rows_of

    if given.path is None:
        raise InputError("Parquet cannot be read from a pipe", hint="name a file")
    with open_parquet(given.path) as file:
        tables = (pa.Table.from_batches(batches, file.schema) for batches in _in_tables(file.batches()))
        n_rows = 0
        for number, table in enumerate(tables):
            if number >= skip_parts:
                values = (row for batch in table.to_batches() for row in rows_of(batch))
                numbered = (Row(n, None, row) for n, row in enumerate(values, start=n_rows + 1))
                yield Part(list(whole_rows(numbered, given.name, hint=_ALL_ROWS)), table)
            n_rows += table.num_rows


def _in_tables(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """`batches` in lists that make up parts, as `in_parts` does with rows."""
    part: list[pa.RecordBatch] = []
    n_parts = n_rows = n_bytes = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            part.append(batch.slice(start, PART_ROWS - n_rows))
            start += part[-1].num_rows
            n_rows += part[-1].num_rows
            n_bytes += part[-1].nbytes
            if n_rows == PART_ROWS or n_bytes > PART_BYTES:
                yield part
                part, n_rows, n_bytes = [], 0, 0
                n_parts += 1
    if part or not n_parts:
        yield part


def _note_kinds(kinds: dict[str, Kind], row: Row) -> None:
    for key, value in row.values.items():
        kinds[key] = merge_kinds(kinds.get(key, "null"), kind_of(value))


def _sha256(given: InputFile) -> str:
    if given.path is None or not given.repeatable:
        raise InputError(f"{given.name} is a pipe, and rescoring needs a file", hint="the input is read more than once")
    digest = hashlib.sha256()
    with reading(given.name), given.path.open("rb") as file:
        while block := file.read(_HASH_BYTES):
            digest.update(block)
    return digest.hexdigest()
