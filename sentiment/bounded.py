"""Read files of others in bounded memory: how long a line may be, and how far gzip may unpack.

A file is a few bytes of somebody else's. Without these limits, one that holds a line without an end, or that unpacks to
a thousand times its size, would fill the memory.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, cast

from sentiment.errors import InputError
from sentiment.events import MAX_RECORD_BYTES

MAX_LINE_BYTES = 8 * MAX_RECORD_BYTES
"""The largest legal record, written with an escape (`\\u0041`) for each character, and room for other columns."""

MAX_COLUMNS = 10_000
"""A row becomes a dict with one entry for each column. No export of feedback has nearly as many."""

MAX_UNPACKED_RATIO = 100
"""Texts shrink to a third or a tenth with gzip, logs to a thirtieth. Only a bomb comes near its bound of 1,032."""

FREE_UNPACKED_BYTES = 256 * 1024 * 1024
"""The ratio counts from here on, since a small file of equal rows, as tests have them, does no harm."""


def in_mib(n_bytes: int) -> str:
    """A limit as messages write it."""
    return f"{n_bytes >> 20} MiB"


def bounded_lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The lines of `stream` with their ends; None instead of one of more than `MAX_LINE_BYTES`, which is read past."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE_BYTES)
        yield None


@contextmanager
def open_gzip(packed: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a gzip stream.

    Raises:
        InputError: while it is read: it unpacks to more than `MAX_UNPACKED_RATIO` times its size.
        EOFError, gzip.BadGzipFile, zlib.error: while it is read: it is cut off, or damaged.
    """
    counted = _Counted(packed)
    with (
        gzip.GzipFile(fileobj=cast("BinaryIO", counted), mode="rb") as unpacking,
        io.BufferedReader(_Bounded(unpacking, counted, name), 1 << 16) as unpacked,
    ):
        yield cast("IO[bytes]", unpacked)


class _Counted:
    """Counts the packed bytes that were read. A pipe does not tell its size."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.n_bytes = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.n_bytes += len(data)
        return data


class _Bounded(io.RawIOBase):
    def __init__(self, unpacking: gzip.GzipFile, packed: _Counted, name: str) -> None:
        self._unpacking = unpacking
        self._packed = packed
        self._name = name
        self._n_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's type is newer than 3.11
        data = self._unpacking.read(len(buffer))
        buffer[: len(data)] = data
        self._n_bytes += len(data)
        allowed = max(FREE_UNPACKED_BYTES, MAX_UNPACKED_RATIO * self._packed.n_bytes)
        if self._n_bytes > allowed:
            raise InputError(
                f"{self._name} unpacks to more than {in_mib(allowed)}, {MAX_UNPACKED_RATIO} times its size or more",
                hint="if it is to be so, unpack it with gunzip and name the unpacked file",
            )
        return len(data)
