"""Everything but the records, on disk: an append-only file of changes, rewritten when most of it is out of date.

Each line is one change: eight hexadecimal digits of CRC-32, a space, the entry as JSON. A last line without its end was
torn by a crash before anyone was told of the change, so it is cut off. Any other line that is not as it was written is
damage, and the journal is refused.
"""

import os
import time
from binascii import crc32
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import structlog

from consumers.broker.data_dir import DamagedJournalError
from consumers.broker.durability import Flusher
from consumers.broker.entries import AnyEntry, Entry
from sentiment.durable import replace_file

_log = structlog.get_logger(__name__)

_DECODER: msgspec.json.Decoder[AnyEntry] = msgspec.json.Decoder(AnyEntry)
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
        """All entries from the start. Afterwards the journal is open for writing. Raises DamagedJournalError."""
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if _is_torn(line):
                    _log.warning("torn_journal_cut_off", kept_bytes=self._size)
                    os.ftruncate(self._fd, self._size)
                    break
                entry = _entry(line)
                if entry is None:
                    raise DamagedJournalError(f"{self.path} is damaged in line {number}")
                self._size += len(line)
                yield entry
        self._rewrite_at = max(_LEAST_BYTES, self._size)

    def salvage(self) -> Iterator[AnyEntry]:
        """The entries in sound lines; if others are lost, a copy of the file is kept. `rewrite` has to follow."""
        content = self.path.read_bytes() if self.path.exists() else b""
        lines = content.splitlines(keepends=True)
        entries = [entry for entry in map(_entry, lines) if entry is not None]
        if len(entries) < len(lines):
            copy = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            replace_file(copy, content)
            _log.warning("journal_lines_lost", lines=len(lines) - len(entries), kept_copy=copy.name)
        yield from entries

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


def _entry(line: bytes) -> AnyEntry | None:
    """What a line says; None if it is damaged, or of a kind that this version does not know."""
    body = line[9:-1]
    if not line.endswith(b"\n") or line[:9] != b"%08x " % crc32(body):
        return None
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError:
        return None


def _is_torn(line: bytes) -> bool:
    """Whether a line was not written to its end; one whose last byte is wrong was."""
    return not line.endswith(b"\n") and line[:9] != b"%08x " % crc32(line[9:-1])
