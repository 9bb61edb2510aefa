"""Counts the partitions of a Produce request before it is decoded.

One of 64 MiB may name eleven million partitions without records. Decoded, they would take gigabytes and minutes.
"""

import struct

MAX_PARTITIONS = 20_000
"""Of one request."""

_FLEXIBLE_SINCE = 9
"""Since this version lengths are variable and structures end with tagged fields (KIP-482)."""


def has_too_many_partitions(frame: bytes, version: int) -> bool:
    """Whether there are more than `MAX_PARTITIONS`; stops there. Raises struct.error or IndexError: it is damaged."""
    cursor = _Cursor(frame, flexible=version >= _FLEXIBLE_SINCE)
    cursor.skip(8)  # API key, API version, correlation id
    cursor.skip_client_id()
    cursor.skip_string()  # transactional id
    cursor.skip(6)  # acknowledgements, timeout
    n_partitions = 0
    for _ in range(cursor.length(">i")):
        cursor.skip_string()
        partitions = cursor.length(">i")
        n_partitions += partitions
        if n_partitions > MAX_PARTITIONS:
            return True
        for _ in range(partitions):
            cursor.skip(4)  # number
            cursor.skip(cursor.length(">i"))
            cursor.skip_tags()
        cursor.skip_tags()
    return False


class _Cursor:
    """A place in a request. Lengths of null are -1."""

    def __init__(self, data: bytes, *, flexible: bool) -> None:
        self._data = data
        self._flexible = flexible
        self._at = 0

    def length(self, layout: str) -> int:
        """Of a string, of bytes or of a list; `layout` is that of the old versions."""
        if self._flexible:
            return self._varint() - 1
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return int(value)

    def skip(self, n_bytes: int) -> None:
        """Go on; nothing is skipped for null."""
        self._at += max(0, n_bytes)

    def skip_string(self) -> None:
        """Go on behind it."""
        self.skip(self.length(">h"))

    def skip_client_id(self) -> None:
        """Go to the end of the header. Its string has the old layout in every version."""
        (length,) = struct.unpack_from(">h", self._data, self._at)
        self.skip(2 + max(0, length))
        self.skip_tags()

    def skip_tags(self) -> None:
        """Go on behind the tagged fields, if the version has any."""
        for _ in range(self._varint() if self._flexible else 0):
            self._varint()
            self.skip(self._varint())

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 28:
                raise IndexError("no length has more than five bytes")
