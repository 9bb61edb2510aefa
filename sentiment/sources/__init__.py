"""Reads rows from CSV, JSONL and Parquet files and from pipes, packed or not, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never

from sentiment.errors import InputError
from sentiment.sources.csv_rows import read_csv
from sentiment.sources.inputs import InputFile, detect_format, find_input, open_bytes
from sentiment.sources.jsonl_rows import read_jsonl
from sentiment.sources.rows import BadRow, FileFormat, Row, Rows

__all__ = ["BadRow", "FileFormat", "InputFile", "Row", "Rows", "detect_format", "find_input", "open_rows"]


@contextmanager
def open_rows(
    given: InputFile, file_format: FileFormat, columns: Sequence[str] | None = None, *, pad: bool = False
) -> Iterator[Rows]:
    """Open an input. Parquet reads only `columns`, if they are given. For `pad` see `read_csv`.

    Raises:
        InputError: the input cannot be read, is damaged, or is not of this format; also while its rows are read.
    """
    if file_format == "parquet":
        # Only Parquet needs arrow, whose import takes a third of a second.
        from sentiment.sources.parquet_rows import open_parquet, read_parquet

        if given.path is None or not given.repeatable:
            raise InputError("Parquet cannot be read from a pipe", hint="name the file")
        with open_parquet(given.path) as file:
            yield read_parquet(file, columns)
        return
    with open_bytes(given) as stream:
        match file_format:
            case "csv":
                yield read_csv(stream, given.name, pad=pad)
            case "jsonl":
                yield read_jsonl(stream, given.name)
            case _:
                assert_never(file_format)
