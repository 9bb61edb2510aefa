"""What a worker does with records; the loop does everything else.

All methods run on the loop's one work thread, one at a time and in the order of events, so a handler needs no locks
and may block: the loop meanwhile pauses partitions and keeps polling. Errors mean (`sentiment.errors`):

- `Pressure` from `handle`: the same batch is handed over again after a pause; raise it before state changes.
- `TransientError`: producer and consumer are rebuilt, `on_lost` is called for everything, work resumes from the
  committed offsets; after several failures in a row the loop stops.
- anything else: the loop stops with its offsets untouched.

State that depends on records must be keyed by partition: batches are handled ahead of their commit, so after
`on_lost` or `on_revoked` the state of these partitions may hold records that were never committed: forget it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from consumers.cluster.records import EMPTY_RESULT, RecordBatch, TopicPartition, WorkResult


@dataclass(frozen=True, slots=True)
class Committed:
    """One committed transaction: what was still owned of its batches, the new offsets, and when it was confirmed."""

    batches: tuple[RecordBatch, ...]
    offsets: Mapping[TopicPartition, int]
    n_produced: int
    at: datetime


class Handler(Protocol):
    """The work of one kind of worker."""

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        """Partitions were added; called before their first batch. Load their state here.

        The offsets of the previous owner are final by now. Its other records of the same transaction may lag behind
        by a moment: a reader of a state topic reads committed records up to the *high watermark*, which is the end
        offset as a read-uncommitted consumer sees it.
        """

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Partitions were given up in order: forget their state; results not yet committed are dropped."""

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Partitions were lost, or everything is rebuilt: forget their state. They may be assigned again at once."""

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        """Process a batch; the result is committed with the batch's offsets. Offsets must not be touched here."""

    def on_tick(self, now: datetime, at_end: frozenset[TopicPartition]) -> WorkResult:
        """Called about once per `LoopConfig.tick_s` where that is set; the result is committed, without offsets.

        `at_end` are the partitions that were read to the end of what their last fetch knew (some 500 ms ago at most
        while the broker is well), with all of it handled and committed.
        """

    def on_committed(self, committed: Committed) -> None:
        """A transaction with results of this handler was committed. For metrics; state must not depend on it."""


class BaseHandler:
    """A handler that keeps no state; subclasses override what they need (`handle` at least)."""

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        """Nothing to load."""

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Nothing to forget."""

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Nothing to forget."""

    def on_tick(self, now: datetime, at_end: frozenset[TopicPartition]) -> WorkResult:
        """Nothing to do without records."""
        return EMPTY_RESULT

    def on_committed(self, committed: Committed) -> None:
        """Nothing to count."""
