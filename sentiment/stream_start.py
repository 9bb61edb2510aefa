"""The first bytes of a stream: enough of them to tell what it is. A pipe hands them out in pieces of any size."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

_MOST_BYTES = 1 << 16


def with_start(stream: io.BufferedReader[Any], enough: Callable[[bytes], bool]) -> io.BufferedReader[Any]:
    """The same bytes. `peek` shows what `enough` wants to see of them, or all if they end before, or 64 KiB.

    Blocks until a pipe has given that much. A file is returned as it is: it hands out a whole buffer at once.
    """
    if stream.seekable() or enough(stream.peek(1)):
        return stream
    start = b""
    while not enough(start) and len(start) < _MOST_BYTES and (more := stream.read1(_MOST_BYTES - len(start))):
        start += more
    return io.BufferedReader(_Started(start, stream), _MOST_BYTES)


def has_a_line(head: bytes) -> bool:
    """Whether a line of it has ended."""
    return b"\n" in head or b"\r" in head


class _Started(io.RawIOBase):
    """`start`, then what is left of `stream`."""

    def __init__(self, start: bytes, stream: io.BufferedReader[Any]) -> None:
        self._start = start
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's type is newer than 3.11
        data = self._start or self._stream.read1(len(buffer))
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        self._start = self._start[size:]
        return size
