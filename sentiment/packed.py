"""Opens packed files, known by their first bytes and not by their names: gzip, bzip2, xz, zstd, and zip of one file.

A file is a few bytes of somebody else's. Whatever they unpack to, at most a stated multiple is read.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

from sentiment.bounded import in_mib
from sentiment.decompressors import CODECS, MAGIC_BYTES, Codec, unpacked_blocks
from sentiment.errors import InputError
from sentiment.stream_start import has_a_line, with_start
from sentiment.zipped import ZIP_MAGICS, zip_blocks

MAX_UNPACKED_RATIO = 100
"""Texts shrink to a third or a tenth, logs to a thirtieth. A bomb of gzip reaches 1,032, one of zstd 30,000."""

FREE_UNPACKED_BYTES = 256 * 1024 * 1024
"""The ratio counts from here on, since a small file of equal rows, as tests have them, does no harm."""

PACKED_SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zip": "zip"}

_UNREAD = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x04\x22\x4d\x18": "lz4",
    b"LZIP\x01": "lzip",
    b"\x1f\x9d": "compress (.Z)",
}


@contextmanager
def open_packed(raw: io.BufferedReader[Any], name: str) -> Iterator[io.BufferedReader[Any]]:
    """The unpacked bytes of `raw`, or `raw` itself if it is not packed.

    Raises:
        InputError: it is packed otherwise than its name says, twice, in a way that is not read, or as a zip that has a
            password, several files, or comes from a pipe. Also while it is read: it is cut off or damaged, or unpacks
            to more than `MAX_UNPACKED_RATIO` times its size.
    """
    raw = with_start(raw, _tells_packing)
    head = raw.peek(MAGIC_BYTES)
    counted = _Counted(raw)
    blocks = None
    if head.startswith(ZIP_MAGICS):
        blocks = zip_blocks(counted, name)
    elif (codec := _codec(head)) is not None:
        blocks = unpacked_blocks(counted, codec, name)
    if blocks is None:
        _refuse_misnamed(name)
        _refuse_unread(head, name)
        yield raw
        return
    with io.BufferedReader(_Bounded(_with_a_start(blocks), counted, name), 1 << 16) as unpacked:
        head = unpacked.peek(MAGIC_BYTES)
        if head.startswith(ZIP_MAGICS) or _codec(head) is not None:
            raise InputError(f"{name} is packed twice", hint="unpack it once, and name the unpacked file")
        _refuse_unread(head, name)
        yield unpacked


def _with_a_start(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes. The first block is long enough to be recognised."""
    start = b""
    for block in blocks:
        start += block
        if len(start) >= MAGIC_BYTES:
            break
    if start:
        yield start
    yield from blocks


def _tells_packing(head: bytes) -> bool:
    """Whether it is long enough. No packed file has the end of a line where it is recognised."""
    return len(head) >= MAGIC_BYTES or has_a_line(head)


def _codec(head: bytes) -> Codec | None:
    return next((codec for codec in CODECS if codec.begins(head)), None)


def _refuse_unread(head: bytes, name: str) -> None:
    kind = next((kind for magic, kind in _UNREAD.items() if head.startswith(magic)), None)
    if kind is not None:
        raise InputError(f"{name} is packed with {kind}, which is not read", hint="unpack it, or pack it with gzip")


def _refuse_misnamed(name: str) -> None:
    kind = PACKED_SUFFIXES.get(PurePath(name).suffix.lower())
    if kind is not None:
        raise InputError(f"{name} is named as {kind}, which it is not", hint="rename it, or get it again")


class _Counted:
    """Counts the packed bytes that were read. A pipe does not tell its size."""

    def __init__(self, stream: io.BufferedReader[Any]) -> None:
        self._stream = stream
        self.n_bytes = 0

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int) -> bytes:
        return self._count(self._stream.read(size))

    def read1(self, size: int) -> bytes:
        return self._count(self._stream.read1(size))

    def _count(self, data: bytes) -> bytes:
        self.n_bytes += len(data)
        return data


class _Bounded(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes], packed: _Counted, name: str) -> None:
        self._blocks = blocks
        self._packed = packed
        self._name = name
        self._n_bytes = 0
        self._block = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's type is newer than 3.11
        if not self._block:
            self._block = memoryview(next(self._blocks, b""))
            self._count(len(self._block))
        size = min(len(buffer), len(self._block))
        buffer[:size] = self._block[:size]
        self._block = self._block[size:]
        return size

    def _count(self, n_bytes: int) -> None:
        self._n_bytes += n_bytes
        allowed = max(FREE_UNPACKED_BYTES, MAX_UNPACKED_RATIO * self._packed.n_bytes)
        if self._n_bytes > allowed:
            raise InputError(
                f"{self._name} unpacks to more than {in_mib(allowed)}, {MAX_UNPACKED_RATIO} times its size or more",
                hint="if it is to be so, unpack it and name the unpacked file",
            )
