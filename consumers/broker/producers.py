"""What a partition knows of its producers: sequence numbers, open and aborted transactions.

After a restart it is rebuilt: up to the last segment from a sidecar file, as JSON, and from there on from the log.
"""

from array import array
from bisect import bisect_left
from typing import NamedTuple

import msgspec

from consumers.broker.batch import BatchHeader, is_abort_marker
from consumers.broker.codes import BrokerError, Code

_REMEMBERED_BATCHES = 5
"""A producer has at most five requests in flight, so a repeated one is among its last five batches."""
EXPIRY_MS = 24 * 3600 * 1000
"""A producer without an open transaction is forgotten after so long (`producer.id.expiration.ms`)."""

_SEQUENCE_END = 1 << 31


class ProducerState(msgspec.Struct):
    """`batches` are (first sequence, last sequence, base offset) of the last few, oldest first."""

    epoch: int
    last_ms: int
    batches: list[tuple[int, int, int]] = []


class Aborted(NamedTuple):
    """An aborted transaction in one partition: its records have offsets in [first_offset, marker_offset)."""

    producer_id: int
    first_offset: int
    marker_offset: int


class Snapshot(msgspec.Struct, frozen=True):
    """The state at the end of a segment; `aborted` are rows of (producer id, first, marker, stable) offsets."""

    producers: dict[int, ProducerState]
    open: dict[int, int]
    aborted: list[tuple[int, int, int, int]]


class ProducerStates:
    """`by_id` has every producer that wrote lately.

    `open` maps a producer id to the first offset of its open transaction, in offset order.
    """

    def __init__(self) -> None:
        self.by_id: dict[int, ProducerState] = {}
        self.open: dict[int, int] = {}
        # One row for each aborted transaction, by marker: 32 bytes, dropped with the part of the log that it is in.
        self._aborted = tuple(array("q") for _ in range(4))

    def check_epoch(self, producer_id: int, epoch: int) -> None:
        """Raise BrokerError(INVALID_PRODUCER_EPOCH) if a newer instance of the producer has written."""
        producer = self.by_id.get(producer_id)
        if producer is not None and epoch < producer.epoch:
            raise BrokerError(Code.INVALID_PRODUCER_EPOCH, "a newer instance of this producer has written here")

    def duplicate_of(self, header: BatchHeader) -> int | None:
        """The base offset of the same batch, if it was appended before; None for a new batch.

        Raises BrokerError for a fenced producer or a gap in its sequence.
        """
        self.check_epoch(header.producer_id, header.producer_epoch)
        producer = self.by_id.get(header.producer_id)
        if producer is None:
            return None
        if header.producer_epoch > producer.epoch:
            if header.base_sequence != 0:
                raise BrokerError(Code.OUT_OF_ORDER_SEQUENCE_NUMBER, "a new producer epoch starts with sequence 0")
            return None
        for first, last, offset in producer.batches:
            if (first, last) == (header.base_sequence, header.last_sequence):
                return offset
        expected = (producer.batches[-1][1] + 1) % _SEQUENCE_END if producer.batches else 0
        if header.base_sequence != expected:
            raise BrokerError(
                Code.OUT_OF_ORDER_SEQUENCE_NUMBER, f"the sequence is {header.base_sequence}, expected was {expected}"
            )
        return None

    def appended(self, header: BatchHeader, data: bytes, now_ms: int) -> None:
        """Take note of a batch in the log. `now_ms` is the broker's time: that of a record may be years back."""
        if header.producer_id < 0:
            return
        producer = self.by_id.get(header.producer_id)
        if producer is None or header.producer_epoch > producer.epoch:
            producer = self.by_id[header.producer_id] = ProducerState(header.producer_epoch, now_ms)
        producer.last_ms = now_ms
        if header.is_control:
            self._transaction_ended(header, aborted=is_abort_marker(data))
            return
        producer.batches.append((header.base_sequence, header.last_sequence, header.base_offset))
        del producer.batches[:-_REMEMBERED_BATCHES]
        if header.is_transactional:
            self.open.setdefault(header.producer_id, header.base_offset)

    def _transaction_ended(self, header: BatchHeader, *, aborted: bool) -> None:
        first = self.open.pop(header.producer_id, None)
        if first is not None and aborted:
            row = (header.producer_id, first, header.base_offset, self.stable_offset(header.last_offset + 1))
            for column, value in zip(self._aborted, row, strict=True):
                column.append(value)

    def stable_offset(self, end_offset: int) -> int:
        """The offset before which every transaction has ended."""
        return next(iter(self.open.values()), end_offset)

    def aborted_between(self, first_offset: int, last_offset: int) -> list[Aborted]:
        """The aborted transactions with records in [first_offset, last_offset]."""
        ids, firsts, markers, stables = self._aborted
        found = []
        for row in range(bisect_left(markers, first_offset), len(markers)):
            if firsts[row] <= last_offset:
                found.append(Aborted(ids[row], firsts[row], markers[row]))
            if stables[row] > last_offset:
                break  # transactions that were aborted later began at or after that stable offset
        return found

    def forget_before(self, offset: int) -> None:
        """Drop aborted transactions whose marker is no longer in the log."""
        gone = bisect_left(self._aborted[2], offset)
        for column in self._aborted:
            del column[:gone]

    def expire(self, now_ms: int) -> None:
        """Drop producers that have not written for long."""
        silent = [
            id_ for id_, state in self.by_id.items() if id_ not in self.open and state.last_ms < now_ms - EXPIRY_MS
        ]
        for producer_id in silent:
            del self.by_id[producer_id]

    def encode(self) -> bytes:
        """The whole state as JSON, for a segment's sidecar."""
        rows = list(zip(*self._aborted, strict=True))
        return msgspec.json.encode(Snapshot(self.by_id, self.open, rows))

    def restore(self, data: bytes) -> None:
        """Become the state that `encode` wrote."""
        snapshot = msgspec.json.decode(data, type=Snapshot)
        self.by_id = snapshot.producers
        self.open = dict(sorted(snapshot.open.items(), key=lambda item: item[1]))
        for number, column in enumerate(self._aborted):
            column[:] = array("q", (row[number] for row in snapshot.aborted))
