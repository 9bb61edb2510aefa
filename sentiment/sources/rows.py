"""What every reader of files yields: rows, and rows that it could not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FileFormat = Literal["csv", "jsonl", "parquet"]
SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""The format by the ending of a file's name, without that of its packing."""


def padded_rows(n: int) -> str:
    """What to say of `n` rows that are too short."""
    return f"rows with fewer fields than the header: {n:,} (the missing ones are taken to be empty)"


def place_of(number: int, line: int | None) -> str:
    """Where to look for a row, for messages: by its line, or by its number where the format has no lines."""
    return f"row {number}" if line is None else f"line {line}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` counts from 1, without the header. `line` is its first line in the file, None in Parquet.

    `raw` is the JSON object as it stands in the file, on one line, else None. `padded` means that fields were missing
    at the end of the row, and are empty now.
    """

    number: int
    line: int | None
    values: Mapping[str, Any]
    raw: bytes | None = None
    padded: bool = False

    @property
    def place(self) -> str:
        """Where to look for the row, for messages."""
        return place_of(self.number, self.line)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read. `message` says why, without quoting the row."""

    number: int
    line: int | None
    reason: str
    message: str

    @property
    def place(self) -> str:
        """Where to look for the row, for messages."""
        return place_of(self.number, self.line)


@dataclass(frozen=True, slots=True)
class Rows:
    """An open input. `columns` is None in JSON, where every row has its own keys. `rows` can be read once."""

    columns: tuple[str, ...] | None
    rows: Iterator[Row | BadRow]
