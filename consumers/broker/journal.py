"""Everything but the records, on disk: an append-only file of changes, rewritten when most of it is out of date.

Each line is one change: eight hexadecimal digits of CRC-32, a space, the entry as JSON. The journal is cut off at the
first line that is torn or damaged.
"""

import os
from binascii import crc32
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import structlog

from consumers.broker.durability import Flusher
from consumers.broker.entries import AnyEntry, Entry
from sentiment.durable import replace_file

_log = structlog.get_logger(__name__)

_GROWTH = 4
_LEAST_BYTES = 1 << 20
"""The journal is rewritten at four times the size that the last rewrite left, but not below 1 MiB."""


class Journal:
    """`read` once, then `write`; `due` says when to `rewrite`."""

    def __init__(self, path: Path, flusher: Flusher) -> None:
        self.path = path
        self._flusher = flusher
        self._fd: int | None = None
        self._size = 0
        self._rewrite_at = _LEAST_BYTES

    @property
    def fd(self) -> int | None:
        """The descriptor while the file is open."""
        return self._fd

    def read(self) -> Iterator[AnyEntry]:
        """All sound entries from the start. Afterwards the journal is open for writing."""
        decoder = msgspec.json.Decoder(AnyEntry)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        with self.path.open("rb") as lines:
            for line in lines:
                body = line[9:-1]
                if not line.endswith(b"\n") or line[:8] != b"%08x" % crc32(body):
                    _log.warning("torn_journal_cut_off", kept_bytes=self._size)
                    os.ftruncate(self._fd, self._size)
                    break
                self._size += len(line)
                yield decoder.decode(body)
        self._rewrite_at = max(_LEAST_BYTES, self._size)

    def write(self, entry: Entry) -> None:
        """Append one change; OSError (full disk) leaves the journal as it was."""
        line = _line(entry)
        self._flusher.append(self, line, self._size)
        self._size += len(line)

    @property
    def due(self) -> bool:
        """Whether most of the file is likely to be out of date."""
        return self._size >= self._rewrite_at

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Replace everything by these entries, which describe the same state."""
        content = b"".join(map(_line, entries))
        replace_file(self.path, content)
        self.close()
        self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND)
        self._size = len(content)
        self._rewrite_at = max(_LEAST_BYTES, _GROWTH * self._size)

    def close(self) -> None:
        """Flush and close."""
        if self._fd is not None:
            self._flusher.closing(self)
            os.close(self._fd)
            self._fd = None


def _line(entry: Entry) -> bytes:
    body = msgspec.json.encode(entry)
    return b"%08x %b\n" % (crc32(body), body)
