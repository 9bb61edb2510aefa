"""Reads CSV (RFC 4180, any delimiter, with a header line) row by row, with the line on which each row begins."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sentiment.bounded import MAX_COLUMNS, MAX_LINE_BYTES, in_mib
from sentiment.errors import InputError
from sentiment.sources.delimiters import excel_delimiter, find_delimiter
from sentiment.sources.encodings import NOT_DECODED
from sentiment.sources.headers import column_names
from sentiment.sources.options import DEFAULT_READING, ReadingOptions
from sentiment.sources.rows import BadRow, Row, Rows
from sentiment.stream_start import has_a_line, with_start

_SAMPLE_BYTES = 1 << 16
_SURROGATE = re.compile("[\ud800-\udfff]")
_MANY = "keep the columns that you need, or check that the first line is a header"


def read_csv(stream: io.BufferedReader[Any], name: str, options: ReadingOptions = DEFAULT_READING) -> Rows:
    """The rows of a CSV file in UTF-8. Values are strings exactly as in the file: no word means "missing".

    The delimiter is that of the options, or else that of Excel's line `sep=;`, or else the one that `find_delimiter`
    finds. For the names of columns see `column_names`.

    A row that is too short gets empty fields, as in pandas and in spreadsheets, and is marked. One with too many
    fields, broken quoting or a line that is too long is a BadRow. Bytes that are not UTF-8 become lone surrogates (PEP
    383), so that one bad row does not hide the others.

    Raises:
        InputError: there is no header, or it has too many columns. While rows are read: a quoted field is never closed.
    """
    # The lines have a limit. The default one for fields, 128 kB, is too low for texts.
    csv.field_size_limit(MAX_LINE_BYTES)
    stream = with_start(stream, has_a_line)
    sample = stream.peek(_SAMPLE_BYTES)[:_SAMPLE_BYTES].decode("utf-8", "replace")
    lines = _Lines(io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline=""), name)
    delimiter = options.delimiter
    if (of_excel := excel_delimiter(sample)) is not None:
        next(lines)
        delimiter = delimiter or of_excel
    reader = csv.reader(lines, delimiter=delimiter or find_delimiter(sample), strict=True)
    columns = column_names(_header(reader, lines))
    # The wrapper closes its stream when it is collected, so it must live as long as the rows.
    rows = _rows(reader, columns, lines)
    return Rows(columns, _numbered_from_1(islice(rows, options.skip_rows, None)) if options.skip_rows else rows)


def _header(reader: Iterator[list[str]], lines: _Lines) -> list[str]:
    name = lines.name
    lines.start_row()
    try:
        while (header := next(reader, None)) == []:  # empty lines above it
            lines.start_row()
    except _LineTooLongError:
        limit = in_mib(MAX_LINE_BYTES)
        raise InputError(f"{name}, line {lines.count}: the header is longer than {limit}", hint=_MANY) from None
    except csv.Error:
        raise InputError(f"{name} has no readable header line", hint="is this a CSV file?") from None
    if not header:
        raise InputError(f"{name} is empty; a CSV file starts with a header line")
    if _SURROGATE.search("".join(header)):
        raise InputError(f"{name}, line {lines.count}: the header is {NOT_DECODED}")
    if len(header) > MAX_COLUMNS:
        raise InputError(
            f"{name}, line {lines.count}: {len(header)} columns; at most {MAX_COLUMNS} are read", hint=_MANY
        )
    return header


class _LineTooLongError(Exception):
    """The row is on this one line, which was read past."""


class _Lines:
    """The lines of the file, counted and limited in length. Knows whether the file has ended.

    Lines are measured in characters, of which Python keeps at most four bytes each.
    """

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self._text = text
        self.name = name
        self.count = 0
        self.ended = False
        self._first = 1
        self._row_size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def start_row(self) -> None:
        """Say that the next line begins a row."""
        self._first = self.count + 1
        self._row_size = 0

    def __next__(self) -> str:
        """Raises `_LineTooLongError` if the reader can go on with the next line, else InputError."""
        line = self._text.readline(MAX_LINE_BYTES + 1)
        if not line:
            self.ended = True
            raise StopIteration
        self.count += 1
        self._row_size += len(line)
        if self._row_size > MAX_LINE_BYTES:
            if self.count > self._first or not self._skip(line):
                raise _never_closed(self.name, self._first)
            raise _LineTooLongError
        return line

    def _skip(self, line: str) -> bool:
        """Read past a line that begins a row. Whether the row ends with it: all its quotes are closed."""
        quotes = line.count('"')
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(MAX_LINE_BYTES)
            quotes += line.count('"')
        return quotes % 2 == 0


def _numbered_from_1(rows: Iterator[Row | BadRow]) -> Iterator[Row | BadRow]:
    return (dataclasses.replace(row, number=number) for number, row in enumerate(rows, start=1))


def _never_closed(name: str, line: int) -> InputError:
    return InputError(
        f"{name} has a quoted field that is never closed; its row starts at line {line}",
        hint=f"close the quote; of a row over several lines at most {in_mib(MAX_LINE_BYTES)} are read",
    )


def _rows(reader: Iterator[list[str]], header: tuple[str, ...], lines: _Lines) -> Iterator[Row | BadRow]:
    number = 0
    while True:
        line = lines.count + 1
        lines.start_row()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except _LineTooLongError:
            number += 1
            yield BadRow(number, line, "line_too_long", f"the line is longer than {in_mib(MAX_LINE_BYTES)}")
            continue
        except csv.Error as error:
            if lines.ended or "field larger" in str(error):
                raise _never_closed(lines.name, line) from None
            number += 1
            yield BadRow(number, line, "bad_quoting", "the quoting is broken: there is text after a closing quote")
            continue
        if not fields:  # an empty line
            continue
        number += 1
        missing = len(header) - len(fields)
        if missing < 0 and not any(fields[missing:]):  # delimiters at the end of the line
            fields, missing = fields[:missing], 0
        if missing < 0:
            yield BadRow(number, line, "field_count", f"{len(fields)} fields, the header has {len(header)}")
        else:
            values = dict(zip(header, fields + [""] * missing, strict=True))
            yield Row(number, line, values, padded=missing > 0)
