"""What is published, in the compacted topic `topics.ingest_state`.

A *writer* is one ingest, and writes two kinds of records under its name:

- `EXPORT/WRITER` holds its `Position`;
- `EXPORT/WRITER/N` holds the digests of rows, 16 bytes each, 256 to a record. After `MAX_CHUNKS` records the oldest is
  overwritten. So a writer never keeps more than 164 MB, however many rows it publishes.

A plain ingest is a writer of its own for every file, and all runs with `--append` are one writer of their export.
Everything is in one partition: a topic that gets more of them later keeps its state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import msgspec

from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.reader import CommittedReader
from consumers.cluster.records import OutgoingRecord, Record, TopicPartition
from consumers.ingest.identity import DIGEST_BYTES
from sentiment.errors import InputError
from sentiment.settings import Settings

CHUNK_ROWS = 256
"""A commit of one row writes up to 4 KB, and one of a thousand rows about 16 KB."""

MAX_CHUNKS = 40_000
MAX_ROWS_REMEMBERED = CHUNK_ROWS * (MAX_CHUNKS - 1)
"""About ten million. The newest chunk, which is being filled, replaces the oldest."""

_PARTITION = 0
_CHUNK_BYTES = CHUNK_ROWS * DIGEST_BYTES


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed: `run` has published `published` rows, their times shifted by `shift_us` microseconds."""

    published: int
    run: str
    shift_us: int = 0


@dataclass(frozen=True, slots=True)
class WriterName:
    """Names a writer in keys and in the transactional id."""

    export: str
    writer: str

    @property
    def key(self) -> str:
        """The key of its position."""
        return f"{self.export}/{self.writer}"


@dataclass(frozen=True, slots=True)
class Chunks:
    """The end of a writer's digests: those in chunk `number`, which is not full."""

    number: int = 0
    tail: bytes = b""

    def add(self, digests: Sequence[bytes]) -> tuple[Chunks, dict[int, bytes]]:
        """The end after `digests`, and the chunks that change by that."""
        data = self.tail + b"".join(digests)
        pieces = [data[start : start + _CHUNK_BYTES] for start in range(0, len(data), _CHUNK_BYTES)] if digests else []
        changed = {(self.number + n) % MAX_CHUNKS: piece for n, piece in enumerate(pieces)}
        full, rest = divmod(len(data), _CHUNK_BYTES)
        return Chunks((self.number + full) % MAX_CHUNKS, data[len(data) - rest :]), changed


@dataclass(slots=True)
class StateReader:
    """Reads what is committed of one writer, and with `whole_export` also the digests of all writers of its export.

    Every `refresh` reads on from where the last one ended.
    """

    settings: Settings
    name: WriterName
    whole_export: bool = False
    position: Position | None = None
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    """By key: those of the whole export, or only the newest of this writer."""
    _next: int | None = None

    @property
    def _topic(self) -> TopicPartition:
        return TopicPartition(self.settings.topics.ingest_state, _PARTITION)

    def refresh(self, patience_s: float) -> Position | None:
        """The committed position, or None.

        Raises:
            BrokerUnavailable: no answer, or an open transaction held the reader back for `patience_s` seconds.
            InputError: a record is not a position that this program has written.
        """
        # To the end of the log, and not of what is committed now: another ingest's open transaction may hide ours.
        with closing(ClusterLookup(self.settings)) as lookup:
            end = lookup.log_ends([self._topic])[self._topic]
        with closing(CommittedReader(self.settings)) as reader:
            reader.seek({self._topic: self._next})
            for record in reader.read_to({self._topic: end}, patience_s=patience_s):
                self._take(record)
        self._next = end
        return self.position

    def skip(self) -> None:
        """Leave out everything until now. For a writer whose name is new."""
        with closing(ClusterLookup(self.settings)) as lookup:
            self._next = lookup.log_ends([self._topic])[self._topic]

    def end_of_chunks(self) -> Chunks:
        """Where this writer goes on to write digests."""
        published = 0 if self.position is None else self.position.published
        number, rows = divmod(published, CHUNK_ROWS)
        found = self.chunks.get(chunk_key(self.name, number % MAX_CHUNKS), b"")
        return Chunks(number % MAX_CHUNKS, found[: rows * DIGEST_BYTES])

    def chunk_keys(self) -> Iterator[bytes]:
        """The keys under which digests of the writer, or of the whole export, stand."""
        if self.whole_export:
            yield from list(self.chunks)
        elif self.position is not None:
            number = min(-(-self.position.published // CHUNK_ROWS), MAX_CHUNKS)
            yield from (chunk_key(self.name, n) for n in range(number))

    def _take(self, record: Record) -> None:
        key = record.key or b""
        if record.fault is not None:
            return  # logged
        if key == self.name.key.encode():
            self.position = None if record.value is None else _decode(record.value)
            return
        prefix = f"{self.name.export}/" if self.whole_export else f"{self.name.key}/"
        if not key.startswith(prefix.encode()) or key.count(b"/") < 2:
            return
        if not self.whole_export:
            self.chunks.clear()  # one that is full is never looked at again
        if record.value is None:
            self.chunks.pop(key, None)
        else:
            self.chunks[key] = record.value


def chunk_key(name: WriterName, number: int) -> bytes:
    """The key of a chunk of digests."""
    return f"{name.key}/{number}".encode()


def state_record(topic: str, key: bytes, value: bytes | None) -> OutgoingRecord:
    """A record of the state; without a value it deletes what stands under the key."""
    return OutgoingRecord(topic, value, key=key, partition=_PARTITION)


def _decode(value: bytes) -> Position:
    try:
        return msgspec.json.decode(value, type=Position)
    except msgspec.MsgspecError:
        raise InputError(
            "the state of this ingest is not one that this program has written",
            hint="look at the topic that topics.ingest_state names; --restart does not mend it",
        ) from None
