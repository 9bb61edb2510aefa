"""Splits a JSON array into its elements, however it is laid out, without reading more than one of them at a time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from sentiment.bounded import MAX_LINE_BYTES, in_mib
from sentiment.errors import InputError

_READ_BYTES = 64 * 1024
# A string, possibly without its end, or what gives an array its structure. Possessive, so that it cannot take long.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?P<end>"|\\?\Z)|[\[\]{},]', re.DOTALL)
_NESTING = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_LINE_END = re.compile(rb"[\r\n]+")


def array_elements(stream: io.BufferedReader[Any], name: str, line: int = 1) -> Iterator[tuple[int, bytes]]:
    """Each element of the array that `stream` begins with, on one line, and the number of the line where it begins.

    An element is whatever stands between two commas; empty ones are left out. `line` is the number of the first line.

    Raises:
        InputError: an element is longer than a line may be, the array does not end, or something follows it.
    """
    text = _Text(stream, name, line)
    text.open()
    depth = 0
    while depth >= 0:
        token = text.token()
        depth += _NESTING.get(token, 0)
        if depth < 0 or (token == b"," and depth == 0):
            line, element = text.cut()
            if element:
                yield line, element
    text.require_end()


class _Text:
    """The text of the array, from the beginning of the present element to as far as it is read."""

    def __init__(self, stream: io.BufferedReader[Any], name: str, line: int) -> None:
        self._stream = stream
        self._name = name
        self._line = line
        self._first_line = line
        self._data = bytearray()
        self._at = 0

    def open(self) -> None:
        """Read past the bracket with which the array begins."""
        while b"[" not in self._data and self._more():
            pass
        self._at = self._data.index(b"[") + 1
        self.cut()
        self._first_line = self._line

    def token(self) -> bytes:
        """The next token; of a string, its quote."""
        while True:
            found = _TOKEN.search(self._data, self._at)
            complete = found is not None and found["end"] in {None, b'"'}
            self._at = len(self._data) if found is None else found.end() if complete else found.start()
            if self._at > MAX_LINE_BYTES or (not complete and len(self._data) > MAX_LINE_BYTES):
                raise self._too_long()
            if found is not None and complete:
                return found[0][:1]
            if not self._more():
                raise InputError(
                    f"{self._name} is cut off: its JSON array, which begins in line {self._first_line}, does not end",
                    hint="get the file again",
                )

    def cut(self) -> tuple[int, bytes]:
        """The present element, without the token behind it, and its line. The next one begins after that token."""
        element = bytes(self._data[: self._at - 1])
        line = self._first_line_of(element)
        self._line += element.count(b"\n")
        del self._data[: self._at]
        self._at = 0
        return line, _LINE_END.sub(b" ", element.strip())

    def require_end(self) -> None:
        """Raise unless nothing but space is left."""
        while not self._data.strip():
            self._line += self._data.count(b"\n")
            self._data.clear()
            if not self._more():
                return
        raise InputError(
            f"{self._name} goes on after the end of its JSON array, in line {self._first_line_of(self._data)}",
            hint="a file holds one array, or one object per line",
        )

    def _more(self) -> bool:
        """Read on. A long string is searched from its beginning again, so ever more is read."""
        data = self._stream.read1(max(_READ_BYTES, len(self._data) - self._at))
        self._data += data
        return bool(data)

    def _first_line_of(self, element: bytes | bytearray) -> int:
        return self._line + element.count(b"\n", 0, len(element) - len(element.lstrip()))

    def _too_long(self) -> InputError:
        return InputError(
            f"{self._name}: the element of the JSON array in line {self._first_line_of(self._data)} is longer than"
            f" {in_mib(MAX_LINE_BYTES)}, or a quote in it is not closed"
        )
