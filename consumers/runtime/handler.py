"""What a worker does with records. The loop does everything else.

All methods run on the loop's work thread, one at a time and in order. So a handler needs no locks, and it may block:
the loop pauses its partitions and keeps polling. What the loop does with an error (`sentiment.errors`):

- `Pressure` from `handle`: it hands over the same batch again after a pause. Raise it before you change state.
- `TransientError`: it rebuilds producer and consumer, calls `on_lost` for all partitions, and resumes from the
  committed offsets. After several failures in a row it stops.
- Anything else: it stops, and leaves the offsets where they are.

Key your state by partition. Batches are handled before they are committed, so after `on_lost` or `on_revoked` the state
of these partitions may include records that were never committed. Forget it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from consumers.cluster.records import EMPTY_RESULT, Record, RecordBatch, TopicPartition, WorkResult


@dataclass(frozen=True, slots=True)
class Committed:
    """One committed transaction: the parts of its batches that were still owned, the new offsets, and when."""

    batches: tuple[RecordBatch, ...]
    offsets: Mapping[TopicPartition, int]
    n_produced: int
    at: datetime


class Handler(Protocol):
    """The work of one kind of worker."""

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        """Partitions were added. Called before their first batch: load their state here.

        The offsets of the previous owner are final by now, but its other records of the same transaction may become
        visible a moment later. So read a state topic up to the *high watermark*, the end offset that a read-uncommitted
        consumer sees.
        """

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Partitions were given up in an orderly way. Forget their state; results not yet committed are dropped."""

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Partitions were lost, or the clients are rebuilt. Forget their state; they may be assigned again at once."""

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        """Process a batch. The loop commits the result together with the batch's offsets."""

    def park(self, record: Record, now: datetime) -> WorkResult:
        """Put a record aside without touching its content: handling it has ended the process, again and again."""

    def on_tick(self, now: datetime, at_end: frozenset[TopicPartition]) -> WorkResult:
        """Called about every `LoopConfig.tick_s` seconds, if that is set. The result is committed without offsets.

        `at_end` are the partitions that are read to their end, with everything handled and committed. The end is the
        one that the last fetch saw, at most about 500 ms ago while the broker answers.
        """

    def on_committed(self, committed: Committed) -> None:
        """A transaction with results of this handler was committed. For metrics only: keep no state by it."""


class BaseHandler:
    """A handler without state. Subclasses override `handle`, and what else they need."""

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        """Nothing to load."""

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Nothing to forget."""

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Nothing to forget."""

    def park(self, record: Record, now: datetime) -> WorkResult:
        """Nowhere to park it; the loop logs its position."""
        return EMPTY_RESULT

    def on_tick(self, now: datetime, at_end: frozenset[TopicPartition]) -> WorkResult:
        """Nothing to do."""
        return EMPTY_RESULT

    def on_committed(self, committed: Committed) -> None:
        """Nothing to count."""
