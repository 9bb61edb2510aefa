"""Handled work that waits for its transaction: when to commit, and which parts may still be committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumers.cluster.records import OutgoingRecord, RecordBatch, TopicPartition
from consumers.runtime.ownership import Ownership
from consumers.runtime.work_thread import Done


@dataclass(frozen=True, slots=True)
class Unit:
    """The content of one transaction."""

    records: tuple[OutgoingRecord, ...]
    offsets: Mapping[TopicPartition, int]
    batches: tuple[RecordBatch, ...]

    def __bool__(self) -> bool:
        return bool(self.records or self.offsets)


_SHARE = 0.1
"""Of the time under load, about this much goes into commits."""


@dataclass(slots=True)
class Pace:
    """How long finished work waits for more before it is committed: the quicker commits are, the shorter.

    A cluster that commits in 5 ms gives results every 50 ms. A slow one gets fewer, larger transactions.
    """

    longest_s: float
    _last_s: float = 0.0

    @property
    def wait_s(self) -> float:
        """Seconds, at most `longest_s`. Before the first commit 0."""
        return min(self.longest_s, self._last_s / _SHARE)

    def took(self, seconds: float) -> None:
        """The last commit took this long."""
        self._last_s = seconds


@dataclass(slots=True)
class Finished:
    """Finished work in the order in which it was handled, until it is committed or dropped."""

    _done: list[Done] = field(default_factory=list)
    oldest_s: float | None = None
    """Monotonic time at which the first of it was finished."""

    def __len__(self) -> int:
        return len(self._done)

    def add(self, done: Done, now_s: float) -> None:
        """Append work that has a result."""
        self._done.append(done)
        if self.oldest_s is None:
            self.oldest_s = now_s

    def due(self, now_s: float, wait_s: float, *, more_coming: bool) -> bool:
        """Whether to commit: when the oldest has waited enough, or at once if nothing would join the transaction."""
        return self.oldest_s is not None and (not more_coming or now_s - self.oldest_s >= wait_s)

    def take(self, ownership: Ownership) -> Unit:
        """Remove and return everything, without the parts of partitions that were given up in the meantime."""
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
