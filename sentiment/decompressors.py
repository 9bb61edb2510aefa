"""Decompressors of gzip, bzip2, xz and zstd with one interface, in bounded memory.

They differ in what they do at the end of their data: some say nothing if it is cut off, some read past what does not
belong to it. Here a stream ends where its format says so, or it is an error.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from sentiment.bounded import in_mib
from sentiment.errors import InputError

MAX_UNPACKING_BYTES = 128 * 1024 * 1024
"""The memory that a stream may ask for. `xz -9` takes 65 MiB, the highest level of zstd 128 MiB."""

_READ_BYTES = 16 * 1024
_BLOCK_BYTES = 64 * 1024
_GZIP_WINDOW = 31
_ZSTD_PIECE_BYTES = 1024  # a block of 128 KiB takes 4 bytes at the least, so this becomes 32 MiB at the most


class Decompressor(Protocol):
    """Of one member, as `bz2.BZ2Decompressor` is."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether more data is needed to go on."""

    @property
    def unused_data(self) -> bytes:
        """What follows the member in the data that was given."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Up to about `max_length` bytes more. Raises an error of its library if the data is damaged."""


class Source(Protocol):
    """Packed bytes."""

    def read1(self, size: int, /) -> bytes:
        """What is there, up to `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A format of packed streams. `start` begins a member; `errors` is what its library raises for damaged data."""

    name: str
    magic: re.Pattern[bytes]
    start: Callable[[], Decompressor]
    errors: Callable[[], type[Exception]]

    def begins(self, data: bytes) -> bool:
        """Whether a member can begin so. `MAGIC_BYTES` are enough to tell."""
        return self.magic.match(data) is not None


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


class _Zstd:
    """The library has no limit for one call, so it gets little at a time."""

    def __init__(self) -> None:
        import zstandard

        self._frame = zstandard.ZstdDecompressor(max_window_size=MAX_UNPACKING_BYTES).decompressobj()
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data + self._waiting

    def decompress(self, data: bytes, _: int) -> bytes:
        waiting = self._waiting + data
        self._waiting = waiting[_ZSTD_PIECE_BYTES:]
        return self._frame.decompress(waiting[:_ZSTD_PIECE_BYTES])


def _zstd_error() -> type[Exception]:
    import zstandard

    return zstandard.ZstdError


def _start_xz() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_UNPACKING_BYTES)


CODECS = (
    Codec("gzip", re.compile(rb"\x1f\x8b"), _Gzip, lambda: zlib.error),
    Codec("bzip2", re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), bz2.BZ2Decompressor, lambda: OSError),
    Codec("xz", re.compile(rb"\xfd7zXZ\x00"), _start_xz, lambda: lzma.LZMAError),
    Codec("zstd", re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), _Zstd, _zstd_error),
)
"""The second pattern of zstd is a frame to be skipped, with which parallel compressors begin."""

MAGIC_BYTES = 10


def unpacked_blocks(packed: Source, codec: Codec, name: str) -> Iterator[bytes]:
    """What `packed` holds: the content of one member, or of several one behind the other.

    Zeros after a member are padding, as on tapes and in xz.

    Raises:
        InputError: it is cut off or damaged, needs too much memory, or something else follows.
    """
    data = packed.read1(_READ_BYTES)
    while data:
        member = codec.start()
        while not member.eof:
            if member.needs_input and not data and not (data := packed.read1(_READ_BYTES)):
                raise InputError(
                    f"{name} is cut off: its {codec.name} stream ends too early", hint="get the file again"
                )
            block, data = _decompressed(member, data, codec, name), b""
            if block:
                yield block
        data = _next_member(packed, member.unused_data)
        if data and not codec.begins(data):
            raise InputError(
                f"{name} goes on after the end of its {codec.name} stream, with something else",
                hint="get the file again, or unpack it and look at its end",
            )


def _next_member(packed: Source, data: bytes) -> bytes:
    """The data from where the next member begins; empty at the end."""
    data = data.lstrip(b"\x00")
    while len(data) < MAGIC_BYTES and (more := packed.read1(_READ_BYTES)):
        data = (data + more).lstrip(b"\x00")
    return data


def _decompressed(member: Decompressor, data: bytes, codec: Codec, name: str) -> bytes:
    try:
        return member.decompress(data, _BLOCK_BYTES)
    except codec.errors() as error:
        if "memory" in str(error).lower():
            raise InputError(
                f"{name} needs more than {in_mib(MAX_UNPACKING_BYTES)} of memory to be unpacked",
                hint="pack it at a lower level, or unpack it and name the unpacked file",
            ) from None
        raise InputError(
            f"{name} is damaged: its {codec.name} stream cannot be unpacked", hint="get the file again"
        ) from None
