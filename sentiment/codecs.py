"""Decompressing what producers compress for Kafka, to a limit: a few kilobytes may stand for gigabytes.

Each codec imports its library when it is used, so that one that is missing is in nobody else's way.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib.util import find_spec

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
"""Kafka's numbers of the codecs."""

NAMES = {GZIP: "gzip", SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"}

_LIBRARIES = {SNAPPY: "cramjam", LZ4: "lz4", ZSTD: "zstandard"}
_GZIP_WINDOW = 31
_JAVA_SNAPPY = b"\x82SNAPPY\x00"
_JAVA_HEADER_BYTES = 16
_JAVA_SIZE_BYTES = 4
_DAMAGED = "the data is damaged"
_CUT_OFF = "the data does not end where it says"


class BadCompressionError(Exception):
    """The data is damaged, ends too early, or goes on too long. The message says nothing of what it holds."""


class TooLongError(BadCompressionError):
    """There is more than the limit."""


def missing_library(codec: int) -> str | None:
    """The package that `codec` needs, if it is not installed."""
    name = _LIBRARIES.get(codec)
    return name if name is not None and find_spec(name) is None else None


def decompress(data: bytes, codec: int, limit: int) -> bytes:
    """All of `data`, if it has at most `limit` bytes decompressed. Never makes more.

    Raises:
        BadCompressionError: damaged, longer than the limit, or a codec that Kafka does not know.
        ImportError: see `missing_library`.
    """
    decode = _DECODERS.get(codec)
    if decode is None:
        raise BadCompressionError(f"Kafka knows no compression type {codec}")
    whole = decode(data, limit)
    if whole is None or len(whole) > limit:
        raise TooLongError(f"more than {limit} bytes decompressed")
    return whole


def _gzip(data: bytes, limit: int) -> bytes:
    """Of one member or several."""
    whole = b""
    while data:
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            whole += member.decompress(data, limit + 1 - len(whole))
        except zlib.error as error:
            raise BadCompressionError(_DAMAGED) from error
        if len(whole) > limit:
            return whole
        if not member.eof:
            raise BadCompressionError(_CUT_OFF)
        data = member.unused_data
    return whole


def _lz4(data: bytes, limit: int) -> bytes:
    import lz4.frame

    frame = lz4.frame.LZ4FrameDecompressor()
    try:
        whole: bytes = frame.decompress(data, limit + 1)
    except (RuntimeError, EOFError) as error:
        raise BadCompressionError(_DAMAGED) from error
    if len(whole) <= limit and (not frame.eof or frame.unused_data):
        raise BadCompressionError(_CUT_OFF)
    return whole


def _zstd(data: bytes, limit: int) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        try:
            return reader.read(limit + 1)
        except zstandard.ZstdError as error:
            raise BadCompressionError(_DAMAGED) from error


def _snappy(data: bytes, limit: int) -> bytes | None:
    """Plain, or in the blocks of the Java library. None if it is longer than the limit."""
    if not data.startswith(_JAVA_SNAPPY):
        return _snappy_block(data, limit)
    blocks: list[bytes] = []
    at, left = _JAVA_HEADER_BYTES, limit
    while at < len(data):
        size = int.from_bytes(data[at : at + _JAVA_SIZE_BYTES], "big", signed=True)
        at += _JAVA_SIZE_BYTES
        if not 0 <= size <= len(data) - at:
            raise BadCompressionError(_CUT_OFF)
        block = _snappy_block(data[at : at + size], left)
        if block is None:
            return None
        blocks.append(block)
        at += size
        left -= len(block)
    return b"".join(blocks)


def _snappy_block(data: bytes, limit: int) -> bytes | None:
    import cramjam

    try:
        if cramjam.snappy.decompress_raw_len(data) > limit:
            return None
        return bytes(cramjam.snappy.decompress_raw(data))
    except cramjam.DecompressionError as error:
        raise BadCompressionError(_DAMAGED) from error


_DECODERS: dict[int, Callable[[bytes, int], bytes | None]] = {GZIP: _gzip, SNAPPY: _snappy, LZ4: _lz4, ZSTD: _zstd}
