"""Gives text as UTF-8, whatever its encoding is."""

from __future__ import annotations

import codecs
import io
from typing import Any

from sentiment.errors import InputError

NOT_DECODED = "not UTF-8, or not what --encoding says; for a file of Excel or Windows try --encoding cp1252"
"""What to say of a row with bytes that are no characters."""

_READ_BYTES = 32 * 1024
_FEW_ZEROS = 0.3
_MARKS = (  # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def in_utf8(stream: io.BufferedReader[Any], name: str, encoding: str | None = None) -> io.BufferedReader[Any]:
    """The rest of `stream` in UTF-8, without a byte-order mark, which tells the encoding if `encoding` does not.

    What has no mark is taken to be UTF-8 already. While it is read, an InputError says that it ends within a character.
    Bytes that are no character in the encoding stay as they are, so that they are not UTF-8.

    Raises:
        InputError: the mark contradicts `encoding`.
    """
    head = stream.peek(4)
    chosen = "utf-8" if encoding is None else codecs.lookup(encoding).name
    for mark, marked in _MARKS:
        if head.startswith(mark):
            if encoding is not None and not marked.startswith(chosen.removesuffix("-sig")):
                raise InputError(
                    f"{name} begins with the byte-order mark of {marked.upper()}, so it is not {encoding}",
                    hint="leave --encoding out",
                )
            stream.read(len(mark))
            chosen = marked
            break
    return stream if chosen in {"utf-8", "utf-8-sig"} else io.BufferedReader(_InUtf8(stream, chosen, name), 1 << 16)


def utf16_without_mark(head: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` if `head` looks like a Western text in it, else None."""
    even, odd = head[::2], head[1::2]
    zeros = even.count(0) / max(1, len(even)), odd.count(0) / max(1, len(odd))
    if max(zeros) < _FEW_ZEROS or min(zeros) > 0:
        return None
    encoding = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    text = head[: len(head) // 2 * 2].decode(encoding, "ignore")
    return encoding if all(character.isprintable() or character.isspace() for character in text) else None


class _InUtf8(io.RawIOBase):
    def __init__(self, stream: io.BufferedReader[Any], encoding: str, name: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._name = name
        self._errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._waiting = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's type is newer than 3.11
        data = None
        while not self._waiting and data != b"":
            data = self._stream.read1(_READ_BYTES)
            self._waiting = memoryview(self._decoded(data).encode("utf-8", self._errors))
        size = min(len(buffer), len(self._waiting))
        buffer[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size

    def _decoded(self, data: bytes) -> str:
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeError:
            raise InputError(
                f"{self._name} is not {self._encoding.upper()} throughout", hint="is it complete?"
            ) from None
