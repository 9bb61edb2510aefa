"""One file of a partition's log: whole record batches, one after the other, named by its first offset.

The last segment of a log is appended to, and its index is in memory. When a segment is closed, a sidecar file
(`.index`) keeps its index, its figures and the producer state at its end. So a restart reads only the last segment, and
memory need not hold the indexes of all the others.
"""

import os
import shutil
import struct
from binascii import crc32
from collections.abc import Iterator
from pathlib import Path

import msgspec
import structlog

from consumers.broker.batch import HEADER_BYTES, LENGTH_OVERHEAD, BatchHeader, checksum_matches, plausible, read_header
from consumers.broker.durability import Flusher
from consumers.broker.index import SparseIndex
from sentiment.durable import replace_file

_log = structlog.get_logger(__name__)

LOG_SUFFIX = ".log"
INDEX_SUFFIX = ".index"
_SCAN_BYTES = 64 * 1024
_WALK = struct.Struct(">qi11xi")  # base offset, length, last offset delta


class Sidecar(msgspec.Struct, frozen=True):
    """What is kept beside a closed segment."""

    size: int
    end_offset: int
    max_timestamp_ms: int
    offsets: list[int]
    positions: list[int]
    maxima_before: list[int]
    state: msgspec.Raw


class Segment:
    """`end_offset` is the offset after the last record; `size` counts the bytes of whole, sound batches."""

    __slots__ = ("_fd", "_flusher", "_index", "base_offset", "end_offset", "max_timestamp_ms", "path", "size")

    def __init__(self, directory: Path, base_offset: int, flusher: Flusher) -> None:
        self.path = directory / f"{base_offset:020d}{LOG_SUFFIX}"
        self.base_offset = self.end_offset = base_offset
        self.size = 0
        self.max_timestamp_ms = -1
        self._index: SparseIndex | None = SparseIndex()
        self._fd: int | None = None
        self._flusher = flusher

    @property
    def fd(self) -> int | None:
        """The descriptor while the file is open for appending."""
        return self._fd

    def newest_ms(self) -> int:
        """The largest record timestamp; without any, when the file was last written."""
        return self.max_timestamp_ms if self.max_timestamp_ms >= 0 else int(self.path.stat().st_mtime * 1000)

    def append(self, data: bytes, header: BatchHeader) -> None:
        """Write one batch whose offset is set. OSError (full disk) leaves the segment as it was."""
        if self._fd is None:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._flusher.append(self, data, self.size)
        self._note(header)

    def _note(self, header: BatchHeader) -> None:
        index = self.index
        index.note(header.base_offset, self.size, self.max_timestamp_ms)
        self.size += header.size
        self.end_offset = header.last_offset + 1
        self.max_timestamp_ms = max(self.max_timestamp_ms, header.max_timestamp_ms)

    def close(self, state: bytes | None = None) -> None:
        """Close the file. With `state` (JSON) also write the sidecar: nothing is appended afterwards."""
        self._flusher.closing(self)
        if state is not None:
            self.write_sidecar(state)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def delete(self) -> None:
        """Remove the files, if they are still there."""
        self._flusher.forget(self)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(INDEX_SUFFIX).unlink(missing_ok=True)

    def read_at(self, position: int, count: int) -> bytes:
        """At most `count` bytes of sound batches from `position`."""
        count = min(count, self.size - position)
        if count <= 0:
            return b""
        if self._fd is not None:
            return os.pread(self._fd, count, position)
        fd = os.open(self.path, os.O_RDONLY)
        try:
            return os.pread(fd, count, position)
        finally:
            os.close(fd)

    def read(self, offset: int, max_bytes: int, before_offset: int) -> tuple[bytes, int]:
        """Whole batches from the one that holds `offset` (or the next one).

        They begin before `before_offset` and take at most `max_bytes`; a single larger batch is returned all the same.
        Returns them and the last offset in them, or (b"", -1).
        """
        candidates = self.headers(self.index.position_of_offset(offset))
        first = next(((position, header.size) for position, header in candidates if header.last_offset >= offset), None)
        if first is None:
            return b"", -1
        position, size = first
        chunk = self.read_at(position, max(max_bytes, size))
        end, last_offset = _whole_batches(chunk, before_offset)
        return chunk[:end], last_offset

    def headers(self, position: int = 0) -> Iterator[tuple[int, BatchHeader]]:
        """(position, header) of the batches from `position`, a batch boundary."""
        while position < self.size:
            chunk = self.read_at(position, _SCAN_BYTES)
            at = 0
            while at + HEADER_BYTES <= len(chunk):
                header = read_header(chunk, at)
                yield position + at, header
                at += header.size
            position += at

    @property
    def index(self) -> SparseIndex:
        """In memory for the last segment; for a closed one read from its sidecar, or rebuilt."""
        if self._index is None:
            self._index = self._load_index()
        return self._index

    def unload_index(self) -> None:
        """Free the memory of a closed segment's index."""
        self._index = None

    def _load_index(self) -> SparseIndex:
        sidecar = self._read_sidecar()
        if sidecar is not None:
            return SparseIndex(sidecar.offsets, sidecar.positions, sidecar.maxima_before)
        index, greatest = SparseIndex(), -1
        for position, header in self.headers():
            index.note(header.base_offset, position, greatest)
            greatest = max(greatest, header.max_timestamp_ms)
        return index

    def write_sidecar(self, state: bytes) -> None:
        """Describe the segment as closed, with the producer state at its end."""
        index = self.index
        body = msgspec.json.encode(
            Sidecar(
                self.size,
                self.end_offset,
                self.max_timestamp_ms,
                index.offsets.tolist(),
                index.positions.tolist(),
                index.maxima_before.tolist(),
                msgspec.Raw(state),
            )
        )
        replace_file(self.path.with_suffix(INDEX_SUFFIX), b"%08x " % crc32(body) + body)

    def _read_sidecar(self) -> Sidecar | None:
        try:
            content = self.path.with_suffix(INDEX_SUFFIX).read_bytes()
        except FileNotFoundError:
            return None
        if content[:8] != b"%08x" % crc32(content[9:]):
            return None
        return msgspec.json.decode(content[9:], type=Sidecar)

    def state_at_end(self) -> bytes | None:
        """The producer state in the sidecar; None if there is no sound one."""
        sidecar = self._read_sidecar()
        return None if sidecar is None else bytes(sidecar.state)

    def take_place_of(self, other: "Segment") -> None:
        """Give this closed segment, which has a temporary name, the name of `other`."""
        self.path = self.path.replace(other.path)

    def restore(self) -> bytes | None:
        """Take the figures of a closed segment from its sidecar and return the producer state at its end.

        None if the sidecar is missing or damaged or does not describe the file; then `recover` has to read it.
        """
        sidecar = self._read_sidecar()
        if sidecar is None or not self.path.exists() or self.path.stat().st_size != sidecar.size:
            return None
        self.size, self.end_offset, self.max_timestamp_ms = sidecar.size, sidecar.end_offset, sidecar.max_timestamp_ms
        self._index = None
        return bytes(sidecar.state)

    def recover(self, *, gaps: bool) -> Iterator[tuple[BatchHeader, bytes]]:
        """Read the file from its start and yield its sound batches. What follows them is cut off; see `_cut_off`.

        A batch is sound if it is whole, its checksum matches and its offset is the next one. With `gaps`, which
        compaction leaves, it may also be a later one.
        """
        if not self.path.exists():
            return
        self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND)
        file_size = os.fstat(self._fd).st_size
        while file_size - self.size >= HEADER_BYTES:
            header = read_header(os.pread(self._fd, HEADER_BYTES, self.size))
            follows = header.base_offset == self.end_offset or (gaps and header.base_offset > self.end_offset)
            if not (plausible(header) and follows and self.size + header.size <= file_size):
                break
            data = os.pread(self._fd, header.size, self.size)
            if not checksum_matches(data, header):
                break
            self._note(header)
            yield header, data
        if self.size != file_size:
            self._cut_off(self._fd, file_size)

    def _cut_off(self, fd: int, file_size: int) -> None:
        """Remove what follows the sound batches. Keep a copy unless it is a batch that a crash tore while writing."""
        start = os.pread(fd, HEADER_BYTES, self.size)
        header = read_header(start) if len(start) == HEADER_BYTES else None
        torn = header is None or (
            plausible(header) and header.base_offset == self.end_offset and self.size + header.size > file_size
        )
        if not torn:
            kept = self.path.with_name(f"{self.path.name}.damaged-{self.size}")
            with self.path.open("rb") as damaged, kept.open("wb") as copy:
                damaged.seek(self.size)
                shutil.copyfileobj(damaged, copy)
                copy.flush()
                os.fsync(copy.fileno())
            _log.error("damaged_records_put_aside", file=kept.name, bytes=file_size - self.size)
        os.ftruncate(fd, self.size)


def _whole_batches(chunk: bytes, before_offset: int) -> tuple[int, int]:
    """Bytes of the whole batches at the start that begin before `before_offset`, and the last offset in them."""
    end, last_offset = 0, -1
    while end + HEADER_BYTES <= len(chunk):
        base_offset, length, delta = _WALK.unpack_from(chunk, end)
        size = LENGTH_OVERHEAD + length
        if base_offset >= before_offset or end + size > len(chunk):
            break
        last_offset = base_offset + delta
        end += size
    return end, last_offset
