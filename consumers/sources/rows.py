"""What every reader of files yields: rows, and rows that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FileFormat = Literal["csv", "jsonl", "parquet"]
SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""What the end of a file's name says about its format (`.gz` aside)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` counts rows of data from 1; `line` is its first line in the file (None in Parquet).

    `raw` is the row as it stands in the file, where the format has such a thing (the bytes of a JSON object). `padded`
    says that fields were missing at its end and are empty now.
    """

    number: int
    line: int | None
    values: Mapping[str, Any]
    raw: bytes | None = None
    padded: bool = False

    @property
    def place(self) -> str:
        """Where to look for it, for messages."""
        return f"row {self.number}" if self.line is None else f"line {self.line}"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be taken apart. `message` says why without quoting from it."""

    number: int
    line: int | None
    reason: str
    message: str

    @property
    def place(self) -> str:
        """Where to look for it, for messages."""
        return f"row {self.number}" if self.line is None else f"line {self.line}"


@dataclass(frozen=True, slots=True)
class Rows:
    """An open input: the names of its columns (for JSONL, the keys of its first object), and its rows, once."""

    name: str
    columns: tuple[str, ...]
    rows: Iterator[Row | BadRow]
