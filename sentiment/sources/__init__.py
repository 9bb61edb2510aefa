"""Reads rows from CSV, JSONL and Parquet files and from pipes, packed or not, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never

from sentiment.errors import InputError
from sentiment.sources.columns import SeenColumns
from sentiment.sources.csv_rows import read_csv
from sentiment.sources.inputs import InputFile, detect_format, find_input, open_text
from sentiment.sources.jsonl_rows import read_jsonl
from sentiment.sources.options import ReadingOptions
from sentiment.sources.rows import BadRow, FileFormat, Row, Rows

__all__ = [
    "BadRow",
    "FileFormat",
    "InputFile",
    "ReadingOptions",
    "Row",
    "Rows",
    "columns_of",
    "detect_format",
    "find_input",
    "open_rows",
]


@contextmanager
def open_rows(given: InputFile, file_format: FileFormat, columns: Sequence[str] | None = None) -> Iterator[Rows]:
    """Open an input. Parquet reads only `columns`, if they are given.

    Raises:
        UsageError: the input's options have no meaning in this format.
        InputError: the input cannot be read, is damaged, or is not of this format; also while its rows are read.
    """
    given.options.check(file_format)
    if file_format == "parquet":
        # Only Parquet needs arrow, whose import takes a third of a second.
        from sentiment.sources.parquet_rows import open_parquet, read_parquet

        if given.path is None or not given.repeatable:
            raise InputError("Parquet cannot be read from a pipe", hint="name the file")
        with open_parquet(given.path) as file:
            yield read_parquet(file, columns)
        return
    with open_text(given) as stream:
        match file_format:
            case "csv":
                yield read_csv(stream, given.name, given.options)
            case "jsonl":
                yield read_jsonl(stream, given.name)
            case _:
                assert_never(file_format)


def columns_of(given: InputFile, file_format: FileFormat) -> tuple[str, ...]:
    """The columns of a file: in JSON the keys that any of its rows has, for which all of it is read.

    Raises:
        InputError: it cannot be read, none of its rows can, or they have more than `MAX_COLUMNS` different keys.
    """
    with open_rows(given, file_format) as opened:
        if opened.columns is not None:
            return opened.columns
        seen = SeenColumns(given.name)
        first_bad: BadRow | None = None
        has_rows = False
        for row in opened.rows:
            if isinstance(row, BadRow):
                first_bad = first_bad or row
                continue
            has_rows = True
            seen.add(row)
    if first_bad is not None and not has_rows:
        raise InputError(
            f"{given.name} has no row that can be read; the first ({first_bad.place}): {first_bad.message}"
        )
    return tuple(seen.names)
