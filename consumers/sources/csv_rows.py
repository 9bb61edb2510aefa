"""Reads CSV (RFC 4180: commas, UTF-8, a header line) row by row, with the line on which each row begins."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from consumers.sources.inputs import MAX_LINE_BYTES
from consumers.sources.names import listed
from consumers.sources.rows import BadRow, Row, Rows
from sentiment.errors import InputError


def read_csv(stream: BinaryIO, name: str, *, pad: bool = False) -> Rows:
    """The rows of a CSV file. Values are strings exactly as in the file: no word means "missing".

    A row with a wrong number of fields or broken quoting is a BadRow. With `pad`, a row that is too short gets empty
    fields instead, as in pandas, and is marked. Bytes that are not UTF-8 become lone surrogates (PEP 383), so that one
    bad row does not hide the others.

    Raises:
        InputError: there is no header. While rows are read: a quoted field is never closed, or a line is too long.
    """
    # A field is never longer than its lines. The default limit of 128 kB is too low for texts.
    csv.field_size_limit(MAX_LINE_BYTES)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    lines = _Lines(text, name)
    reader = csv.reader(iter(lines), strict=True)
    try:
        header = next(reader, None)
    except csv.Error:
        raise InputError(f"{name} has no readable header line", hint="is this a CSV file?") from None
    if not header:
        raise InputError(f"{name} is empty; a CSV file starts with a header line")
    repeated = {column for column in header if header.count(column) > 1}
    if repeated:
        raise InputError(f"{name} has several columns with the same name: {listed(sorted(repeated))}")
    # The wrapper closes its stream when it is collected, so it must live as long as the rows.
    return Rows(tuple(header), _rows(reader, tuple(header), lines, pad=pad))


class _Lines:
    """The lines of the file, counted and limited in length. Knows whether the file has ended."""

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self._text = text
        self.name = name
        self.count = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MAX_LINE_BYTES):
            self.count += 1
            if len(line) >= MAX_LINE_BYTES:
                raise InputError(f"{self.name} is not CSV: line {self.count} is longer than {MAX_LINE_BYTES >> 20} MiB")
            yield line
        self.ended = True


def _rows(reader: Iterator[list[str]], header: tuple[str, ...], lines: _Lines, *, pad: bool) -> Iterator[Row | BadRow]:
    number = 0
    while True:
        line = lines.count + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if lines.ended or "field larger" in str(error):
                raise InputError(
                    f"{lines.name} has a quoted field that is never closed; its row starts at line {line}"
                ) from None
            number += 1
            yield BadRow(number, line, "bad_quoting", "the quoting is broken: there is text after a closing quote")
            continue
        if not fields:  # an empty line
            continue
        number += 1
        missing = len(header) - len(fields)
        if missing < 0 or (missing and not pad):
            yield BadRow(number, line, "field_count", f"{len(fields)} fields, the header has {len(header)}")
        else:
            values = dict(zip(header, fields + [""] * missing, strict=True))
            yield Row(number, line, values, padded=missing > 0)
