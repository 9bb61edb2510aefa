"""The log of one partition: a row of segments. Records are appended to the last.

Memory: about 100 bytes for each segment, the index of the last one, and the indexes of the few that were read lately.
"""

import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from consumers.broker.batch import BatchHeader, with_offset
from consumers.broker.durability import Flusher
from consumers.broker.records import BadRecordsError, records
from consumers.broker.segment import LOG_SUFFIX, Segment

_LOADED_INDEXES = 4

_SEGMENT_NAME = re.compile(rf"[0-9]{{20}}{re.escape(LOG_SUFFIX)}")

Replay = Callable[[BatchHeader, bytes], None]
Restore = Callable[[bytes], None]
StateAtEnd = Callable[[], bytes]


class Log:
    """Offsets [start_offset, end_offset); `start_offset` may lie inside the first segment.

    `state_at_end` returns the producer state to keep with a segment that is closed.
    """

    def __init__(self, directory: Path, flusher: Flusher, state_at_end: StateAtEnd, *, segment_bytes: int) -> None:
        self.directory = directory
        self.segment_bytes = segment_bytes
        self._flusher = flusher
        self._state_at_end = state_at_end
        self._segments: list[Segment] = [Segment(directory, 0, flusher)]
        self._loaded: OrderedDict[int, Segment] = OrderedDict()
        self.start_offset = 0

    @property
    def end_offset(self) -> int:
        """The offset that the next record gets."""
        return self._segments[-1].end_offset

    @property
    def size(self) -> int:
        """Bytes of all batches."""
        return sum(segment.size for segment in self._segments)

    @property
    def max_timestamp_ms(self) -> int:
        """The largest record timestamp; -1 in an empty log."""
        return max(segment.max_timestamp_ms for segment in self._segments)

    @property
    def closed_segments(self) -> list[Segment]:
        """All segments but the last."""
        return self._segments[:-1]

    def recover(self, restore: Restore, replay: Replay) -> int:
        """Open the files; returns how many bytes were cut off after the last sound batch.

        Rebuilds the producer state: calls `restore` with the last sound sidecar and `replay` with every batch after it.
        """
        paths = segment_files(self.directory)
        segments: list[Segment] = []
        lost = 0
        for number, path in enumerate(paths):
            segment = Segment(self.directory, int(path.stem), self._flusher)
            if segments and segment.base_offset < segments[-1].end_offset:
                # After a crash between the two steps of `replace_closed` the file before holds these records too.
                segment.delete()
                continue
            last = number == len(paths) - 1
            state = None if last else segment.restore()
            if state is not None:
                restore(state)
            else:
                size = path.stat().st_size
                for header, data in segment.recover(gaps=not last):
                    replay(header, data)
                lost += size - segment.size
                if not last:
                    segment.close(self._state_at_end())
                    segment.unload_index()
            segments.append(segment)
        if segments:
            self._segments = segments
            self.start_offset = segments[0].base_offset
        return lost

    def append(self, data: bytes, header: BatchHeader) -> BatchHeader:
        """Write one batch at the end; returns its header with its offset in the log."""
        active = self._segments[-1]
        if active.size and active.size + header.size > self.segment_bytes:
            active = self.roll()
        header = header._replace(base_offset=self.end_offset)
        active.append(with_offset(data, header.base_offset), header)
        return header

    def roll(self) -> Segment:
        """Close the last segment, unless it is empty, and start a new one."""
        active = self._segments[-1]
        if not active.size:
            return active
        # The name of the empty file keeps the end offset when everything before it is deleted.
        following = Segment(self.directory, active.end_offset, self._flusher)
        following.path.touch()
        active.close(self._state_at_end())
        active.unload_index()
        self._segments.append(following)
        return following

    def close(self) -> None:
        """Close all files; `recover` opens them again."""
        for segment in self._segments:
            segment.close()

    def read(self, offset: int, max_bytes: int, before_offset: int) -> tuple[bytes, int]:
        """Whole batches from the one that holds `offset`, from one segment; see `Segment.read`."""
        for segment in self._from(self._number_of(offset)):
            data, last_offset = segment.read(offset, max_bytes, before_offset)
            if data or segment.end_offset >= before_offset:
                return data, last_offset
        return b"", -1

    def offset_for_time(self, timestamp_ms: int) -> tuple[int, int] | None:
        """(timestamp, offset) of the first record, in offset order, at or after `timestamp_ms`; None if none is."""
        for segment in self._from(0):
            if segment.max_timestamp_ms < timestamp_ms or segment.end_offset <= self.start_offset:
                continue
            for position, header in segment.headers(segment.index.position_of_time(timestamp_ms)):
                if header.max_timestamp_ms >= timestamp_ms and header.last_offset >= self.start_offset:
                    try:
                        for record in records(segment.read_at(position, header.size)):
                            if record.timestamp_ms >= timestamp_ms and record.offset >= self.start_offset:
                                return record.timestamp_ms, record.offset
                    except BadRecordsError:  # stored by a version that did not check
                        return header.max_timestamp_ms, max(header.base_offset, self.start_offset)
        return None

    def delete_before(self, offset: int) -> None:
        """Move the start of the log up to `offset` and remove the segments before it."""
        self.start_offset = max(self.start_offset, min(offset, self.end_offset))
        if self.start_offset == self.end_offset:
            self.roll()
        while len(self._segments) > 1 and self._segments[0].end_offset <= self.start_offset:
            self._forget(self._segments.pop(0))

    def expired_before(self, now_ms: int, *, retention_ms: int, retention_bytes: int, stable_offset: int) -> int:
        """The offset up to which whole segments are too old or too many, never past `stable_offset`.

        A limit of -1 is none. As in Apache Kafka a segment is as old as its newest record *timestamp* says, so old data
        is old on arrival. One whose records have no timestamps is as old as its file.
        """
        start, excess = self.start_offset, self.size - retention_bytes
        for segment in self._segments:
            too_old = retention_ms >= 0 and segment.size > 0 and segment.newest_ms() < now_ms - retention_ms
            too_many = retention_bytes >= 0 and excess >= segment.size > 0 and segment is not self._segments[-1]
            if not (too_old or too_many) or segment.end_offset > stable_offset:
                break
            excess -= segment.size
            start = segment.end_offset
        return start

    def replace_closed(self, old: list[Segment], new: Segment) -> None:
        """Replace closed segments by the one that was made from them, which has a temporary name."""
        number = self._segments.index(old[0])
        for segment in old:
            self._loaded.pop(segment.base_offset, None)
        # The new file takes the first name first. After a crash here `recover` recognises the files that are left.
        new.take_place_of(old[0])
        self._segments[number : number + len(old)] = [new]
        for segment in old[1:]:
            segment.delete()

    def _forget(self, segment: Segment) -> None:
        self._loaded.pop(segment.base_offset, None)
        segment.delete()

    def _number_of(self, offset: int) -> int:
        return max(0, bisect_right(self._segments, offset, key=lambda segment: segment.base_offset) - 1)

    def _from(self, number: int) -> Iterator[Segment]:
        for segment in self._segments[number:]:
            if segment is not self._segments[-1]:
                self._loaded[segment.base_offset] = segment
                self._loaded.move_to_end(segment.base_offset)
                if len(self._loaded) > _LOADED_INDEXES:
                    self._loaded.popitem(last=False)[1].unload_index()
            yield segment


def segment_files(directory: Path) -> list[Path]:
    """The files of a log, in the order of their offsets."""
    return sorted(path for path in directory.glob(f"*{LOG_SUFFIX}") if _SEGMENT_NAME.fullmatch(path.name))


def may_be_log(directory: Path) -> bool:
    """Whether a folder is empty or has a log in it."""
    return bool(segment_files(directory)) or not any(directory.iterdir())
