"""Reads the page headers of a Parquet file: how much memory will its pages take?

A file of one kilobyte can hold a billion rows, or one value of a gigabyte: both pack to nothing. Its footer may say
anything. But Arrow unpacks a page into as many bytes as the page's own header says, and fails if that is wrong, so the
headers can be trusted. They are in Thrift's compact protocol (parquet.thrift, `PageHeader`).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa

_DICTIONARY_PAGE = 2
_PLAIN, _PLAIN_DICTIONARY, _DELTA_BYTE_ARRAY, _RLE_DICTIONARY = 0, 2, 7, 8
_DATA_HEADERS = (5, 8)  # of the first and of the second version
_DICTIONARY_HEADER = 7
_VALUE_BYTES = 16
"""What a value takes at least: it may be a decimal, or a length and a pointer."""

_HEADER_BYTES = 1 << 10
_LONGEST_HEADER = 1 << 24  # Arrow's limit. A header may hold the smallest and the largest value.
_UNCOUNTED_BYTES = 100
"""Old writers left the header of the dictionary out of a chunk's size (PARQUET-816)."""

_MOST_ENTRIES = 1_000_000
_LARGEST_DICTIONARY = 1 << 26


class DamagedPageError(ValueError):
    """This is not the header of a page."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The memory that a column of one row group takes, at most: bytes, of which `packed` are in the file.

    `pages` is what Arrow holds of the file at one moment, unpacked; `value` is one value, and `whole` all values.
    """

    pages: int
    value: int
    whole: int
    packed: int


def null_bytes(kind: Any) -> int:
    """What a null of an Arrow type takes in memory beyond a few bytes: a null list of fixed size has all its values."""
    if isinstance(kind, pa.BaseExtensionType):
        return null_bytes(kind.storage_type)
    inner = [kind.field(n).type for n in range(kind.num_fields)]
    if pa.types.is_fixed_size_list(kind):
        size: int = kind.list_size
        return size * max(_VALUE_BYTES, null_bytes(inner[0]))
    return sum(map(null_bytes, inner))


def listed_null_bytes(kind: Any) -> int:
    """What nulls take that are in a list of any length, so that a row may have any number of them: bytes for each."""
    if isinstance(kind, pa.BaseExtensionType):
        return listed_null_bytes(kind.storage_type)
    inner = [kind.field(n).type for n in range(kind.num_fields)]
    if _is_list_of_any_length(kind):
        return sum(map(null_bytes, inner))
    return sum(map(listed_null_bytes, inner))


def _is_list_of_any_length(kind: Any) -> bool:
    types = pa.types
    checks = (types.is_list, types.is_large_list, types.is_list_view, types.is_large_list_view, types.is_map)
    return any(is_one(kind) for is_one in checks)


@dataclass(frozen=True, slots=True)
class _Page:
    is_dictionary: bool
    encoding: int
    n_values: int
    unpacked: int
    packed: int
    start: int


def demand_of(file: BinaryIO, chunk: Any, column: Any) -> Demand:
    """The demand of a column chunk (`ColumnChunkMetaData`), whose `ColumnSchema` is `column`.

    Raises:
        DamagedPageError: there are no pages where the footer says.
    """
    chunk_bytes = max(0, chunk.total_compressed_size)
    width = max(_VALUE_BYTES, column.length or 0)
    entry = dictionary = page_bytes = value = whole = 0
    for page in _pages(file, _start(chunk), chunk_bytes, chunk.num_values):
        if page.is_dictionary:
            dictionary = page.unpacked
            entry = _longest_entry(file, page, chunk.compression) if column.physical_type == "BYTE_ARRAY" else 0
            continue
        page_bytes = max(page_bytes, page.unpacked)
        longest = width
        if column.physical_type == "BYTE_ARRAY":
            longest = width + (entry if page.encoding in {_PLAIN_DICTIONARY, _RLE_DICTIONARY} else page.unpacked)
        value = max(value, longest)
        # Only shared values and shared beginnings take more memory than they have bytes in their page.
        shared = page.encoding in {_PLAIN_DICTIONARY, _RLE_DICTIONARY, _DELTA_BYTE_ARRAY}
        whole += page.n_values * (longest if shared else width) + page.unpacked
    return Demand(page_bytes + 2 * dictionary, value, whole, chunk_bytes)


def _start(chunk: Any) -> int:
    first: int = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < first:
        first = chunk.dictionary_page_offset
    return first


def _pages(file: BinaryIO, start: int, length: int, n_values: int) -> Iterator[_Page]:
    """The pages that have the first `n_values` values. Arrow reads no more either."""
    position, end = start, min(start + length + _UNCOUNTED_BYTES, os.fstat(file.fileno()).st_size)
    while position < end and n_values > 0:
        size = _HEADER_BYTES
        while True:
            file.seek(position)
            data = file.read(min(size, end - position))
            try:
                fields, header_bytes = _Compact(data).struct()
                break
            except IndexError:  # the header goes on
                if len(data) < size or size >= _LONGEST_HEADER:
                    raise DamagedPageError from None
                size *= 16
        page = _page_of(fields, position + header_bytes)
        yield page
        position = page.start + page.packed
        n_values -= 0 if page.is_dictionary else page.n_values


def _page_of(fields: dict[int, Any], start: int) -> _Page:
    kind, unpacked, packed = (fields.get(number) for number in (1, 2, 3))
    if not (isinstance(kind, int) and isinstance(unpacked, int) and isinstance(packed, int)):
        raise DamagedPageError
    if unpacked < 0 or packed < 0:
        raise DamagedPageError
    inner: dict[int, Any] = next(
        (fields[n] for n in (*_DATA_HEADERS, _DICTIONARY_HEADER) if isinstance(fields.get(n), dict)), {}
    )
    n_values = inner.get(1, 0)
    encoding = inner.get(4 if 8 in fields else 2, _PLAIN)
    if not isinstance(n_values, int) or n_values < 0:
        raise DamagedPageError
    return _Page(kind == _DICTIONARY_PAGE, encoding, n_values, unpacked, packed, start)


def _longest_entry(file: BinaryIO, page: _Page, codec: str) -> int:
    """The longest value of a dictionary, or the size of the whole page if that would take long to find out."""
    if page.n_values > _MOST_ENTRIES or page.unpacked > _LARGEST_DICTIONARY or codec not in _CODECS:
        return page.unpacked
    file.seek(page.start)
    data: Any = file.read(page.packed)
    if _CODECS[codec] is not None:
        try:
            data = pa.Codec(_CODECS[codec]).decompress(data, page.unpacked)
        except (pa.ArrowException, OSError):
            raise DamagedPageError from None
    view = memoryview(data)
    longest = position = 0
    for _ in range(page.n_values):
        if position + 4 > len(view):
            raise DamagedPageError
        (n_bytes,) = struct.unpack_from("<I", view, position)
        longest = max(longest, n_bytes)
        position += 4 + n_bytes
    return longest


_CODECS = {
    "UNCOMPRESSED": None,
    "SNAPPY": "snappy",
    "GZIP": "gzip",
    "BROTLI": "brotli",
    "ZSTD": "zstd",
    "LZ4_RAW": "lz4_raw",
}
"""Arrow's names. The older LZ4 has a frame of its own."""


class _Compact:
    """Thrift's compact protocol, of which only structs of numbers, booleans, bytes and structs are needed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> tuple[dict[int, Any], int]:
        """The fields by their numbers, and the bytes read. Raises IndexError: the data end too early."""
        return self._struct(0), self._at

    def _struct(self, depth: int) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self._zigzag()
            fields[number] = self._value(kind & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:
                return kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                return self._skip(8)
            case 8:
                return self._skip(self._varint())
            case 12 if depth < 4:
                return self._struct(depth + 1)
            case _:
                raise DamagedPageError

    def _skip(self, n_bytes: int) -> None:
        self._at += n_bytes
        if self._at > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise DamagedPageError

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
