"""Reads JSON lines: one object per line, in UTF-8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from sentiment.bounded import MAX_LINE_BYTES, bounded_lines, in_mib
from sentiment.errors import InputError
from sentiment.sources.rows import BadRow, Row, Rows

_decoder = msgspec.json.Decoder(dict[str, object])


def read_jsonl(stream: BinaryIO, name: str) -> Rows:
    """The rows of a JSONL file. A line that is not a JSON object is a BadRow; empty lines are left out.

    Raises:
        InputError: the file is empty, or a JSON array.
    """
    lines = _numbered_lines(stream)
    rows = _rows(lines)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{name} is empty")
    if isinstance(first, BadRow) and first.reason == "json_array":
        raise InputError(f"{name} is a JSON array, not one object per line", hint=f"convert it: jq -c '.[]' {name}")
    columns = tuple(first.values) if isinstance(first, Row) else ()
    return Rows(columns, _chain(first, rows))


def _chain(first: Row | BadRow, rest: Iterator[Row | BadRow]) -> Iterator[Row | BadRow]:
    yield first
    yield from rest


def _rows(lines: Iterator[tuple[int, bytes | None]]) -> Iterator[Row | BadRow]:
    for number, (line, content) in enumerate(lines, start=1):
        if content is None:
            yield BadRow(number, line, "line_too_long", f"the line is longer than {in_mib(MAX_LINE_BYTES)}")
            continue
        try:
            values = _decoder.decode(content)
        except msgspec.ValidationError:
            array = content.startswith(b"[")
            yield BadRow(number, line, "json_array" if array else "not_an_object", "not a JSON object")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            array = content.startswith(b"[") and number == 1
            yield BadRow(number, line, "json_array" if array else "not_json", "not a JSON object in UTF-8")
        else:
            yield Row(number, line, values, content)


def _numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number and the content of each line that is not empty; None instead of a line that is too long."""
    for number, content in enumerate(bounded_lines(stream), start=1):
        if content is None:
            yield number, None
            continue
        if number == 1:
            content = content.removeprefix(b"\xef\xbb\xbf")
        if stripped := content.strip():
            yield number, stripped
