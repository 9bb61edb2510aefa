"""Gives text as UTF-8, whatever encoding its byte-order mark tells."""

from __future__ import annotations

import codecs
import io
from typing import Any

from sentiment.errors import InputError

_READ_BYTES = 32 * 1024
_MARKS = (  # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def in_utf8(stream: io.BufferedReader[Any], name: str) -> io.BufferedReader[Any]:
    """The rest of `stream` in UTF-8, without a byte-order mark. What has none is taken to be UTF-8 already.

    While it is read, an InputError says that it ends within a character. Other faults become bytes that are not UTF-8.
    """
    head = stream.peek(4)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            stream.read(len(mark))
            return stream if encoding == "utf-8" else io.BufferedReader(_InUtf8(stream, encoding, name))
    return stream


class _InUtf8(io.RawIOBase):
    def __init__(self, stream: io.BufferedReader[Any], encoding: str, name: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._name = name
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._waiting = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's type is newer than 3.11
        data = None
        while not self._waiting and data != b"":
            data = self._stream.read1(_READ_BYTES)
            self._waiting = memoryview(self._decoded(data).encode("utf-8", "surrogatepass"))
        size = min(len(buffer), len(self._waiting))
        buffer[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size

    def _decoded(self, data: bytes) -> str:
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            raise InputError(
                f"{self._name} is not {self._encoding.upper()} throughout", hint="is it complete?"
            ) from None
