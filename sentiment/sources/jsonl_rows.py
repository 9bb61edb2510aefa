"""Reads JSON: one object per line, or an array of objects, in UTF-8."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec

from sentiment.bounded import MAX_LINE_BYTES, bounded_lines, in_mib
from sentiment.errors import InputError
from sentiment.json_repair import foreign_number
from sentiment.sources.encodings import NOT_DECODED
from sentiment.sources.json_array import array_elements
from sentiment.sources.rows import BadRow, Row, Rows
from sentiment.stream_start import with_start

_decoder = msgspec.json.Decoder(dict[str, object])
_SNIFF_BYTES = 1_024
_ARRAY = re.compile(rb"\s*\[\s*(?:[{\]]|\Z)")


def read_jsonl(stream: io.BufferedReader[Any], name: str) -> Rows:
    """The rows of a file of JSON. A line, or an element, that is not a JSON object is a BadRow; empty lines are none.

    An array is known by the object with which it begins. Every row has its own keys, so `columns` is None.

    Raises:
        InputError: the file is empty; while rows are read, what `array_elements` raises.
    """
    stream = with_start(stream, _tells_arrays)
    is_array = _ARRAY.match(stream.peek(_SNIFF_BYTES)[:_SNIFF_BYTES]) is not None
    lines = array_elements(stream, name) if is_array else _numbered_lines(stream)
    rows = _rows(lines)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{name} is empty" if not is_array else f"{name} is an empty JSON array")
    return Rows(None, chain([first], rows))


def _tells_arrays(head: bytes) -> bool:
    return len(head) >= _SNIFF_BYTES or len(head.strip()) > 1


def _rows(lines: Iterator[tuple[int, bytes | None]] | Iterator[tuple[int, bytes]]) -> Iterator[Row | BadRow]:
    for number, (line, content) in enumerate(lines, start=1):
        if content is None:
            yield BadRow(number, line, "line_too_long", f"the line is longer than {in_mib(MAX_LINE_BYTES)}")
            continue
        try:
            values = _decoder.decode(content)
        except msgspec.ValidationError:
            yield BadRow(number, line, "not_an_object", "not a JSON object")
        except RecursionError:
            yield BadRow(number, line, "not_json", "nested too deeply")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield BadRow(number, line, *_fault(content, error))
        else:
            yield Row(number, line, values, content)


def _fault(content: bytes, error: Exception) -> tuple[str, str]:
    """Code and message of what is wrong with a line."""
    try:
        content.decode()
    except UnicodeDecodeError as not_utf8:
        return "not_utf8", f"{NOT_DECODED} (byte {not_utf8.start} of the row)"
    if foreign := foreign_number(content.decode()):
        return "not_json", f"{foreign} is not a JSON value"
    return "not_json", f"not a JSON object: {error}"


def _numbered_lines(stream: io.BufferedReader[Any]) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number and the content of each line that is not empty; None instead of a line that is too long."""
    for number, content in enumerate(bounded_lines(stream), start=1):
        if content is None:
            yield number, None
        elif stripped := content.strip():
            yield number, stripped
