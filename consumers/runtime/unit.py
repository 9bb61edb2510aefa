"""Handled work that waits for its transaction: what may still be committed of it, and when to commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumers.cluster.records import OutgoingRecord, RecordBatch, TopicPartition
from consumers.runtime.ownership import Ownership
from consumers.runtime.work_thread import Done


@dataclass(frozen=True, slots=True)
class Unit:
    """What one transaction holds."""

    records: tuple[OutgoingRecord, ...]
    offsets: Mapping[TopicPartition, int]
    batches: tuple[RecordBatch, ...]

    def __bool__(self) -> bool:
        return bool(self.records or self.offsets)


@dataclass(slots=True)
class Finished:
    """Outcomes in the order in which they were handled, until they are committed or dropped."""

    _done: list[Done] = field(default_factory=list)
    oldest_s: float | None = None
    """Monotonic time of the first outcome."""

    def __len__(self) -> int:
        return len(self._done)

    def add(self, done: Done, now_s: float) -> None:
        """Append an outcome that has a result."""
        self._done.append(done)
        if self.oldest_s is None:
            self.oldest_s = now_s

    def due(self, now_s: float, slice_s: float, *, more_coming: bool) -> bool:
        """Commit when the time slice is over, or at once when nothing would join this transaction anyway."""
        return self.oldest_s is not None and (not more_coming or now_s - self.oldest_s >= slice_s)

    def take(self, ownership: Ownership) -> Unit:
        """Remove everything; what concerns partitions that were given up in the meantime is dropped."""
        records: list[OutgoingRecord] = []
        offsets: dict[TopicPartition, int] = {}
        batches: list[RecordBatch] = []
        for done in self._done:
            ticket, result = done.ticket, done.result
            if ticket is None or result is None:
                continue
            for partition, outputs in result.outputs.items():
                if ownership.still_owned(partition, ticket.epochs):
                    records.extend(outputs)
            if ticket.batch is not None:
                kept = {
                    partition: share
                    for partition, share in ticket.batch.partitions.items()
                    if ownership.still_owned(partition, ticket.epochs)
                }
                offsets |= {partition: share[-1].offset + 1 for partition, share in kept.items()}
                if kept:
                    batches.append(RecordBatch(kept))
        self.clear()
        return Unit(tuple(records), offsets, tuple(batches))

    def clear(self) -> None:
        """Drop everything."""
        self._done.clear()
        self.oldest_s = None
