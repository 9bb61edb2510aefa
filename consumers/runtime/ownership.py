"""Which partitions this worker owns, and since which assignment.

Work in flight carries the epochs of its partitions. A partition that was given up and assigned again has a new epoch,
so the loop recognises work from before and drops it, even if both happened during one poll.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kafka import ConsumerRebalanceListener

from consumers.cluster.records import TopicPartition


class RebalanceKind(StrEnum):
    """What a rebalance did to some partitions."""

    ASSIGNED = "assigned"
    REVOKED = "revoked"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Rebalance:
    """One change of the assignment."""

    kind: RebalanceKind
    partitions: frozenset[TopicPartition]


class RebalanceLog(ConsumerRebalanceListener):  # type: ignore[misc]  # the client is untyped
    """Records rebalances in order. The client calls it on its IO thread, where nothing may block."""

    def __init__(self) -> None:
        self._changes: deque[Rebalance] = deque()
        self._lock = threading.Lock()

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Partitions were added."""
        self._note(RebalanceKind.ASSIGNED, assigned)

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Partitions were given up in an orderly way."""
        self._note(RebalanceKind.REVOKED, revoked)

    def on_partitions_lost(self, lost: Iterable[Any]) -> None:
        """The membership was lost, and these partitions with it."""
        self._note(RebalanceKind.LOST, lost)

    def drain(self) -> list[Rebalance]:
        """The rebalances since the last call."""
        with self._lock:
            changes = list(self._changes)
            self._changes.clear()
        return changes

    def _note(self, kind: RebalanceKind, partitions: Iterable[Any]) -> None:
        with self._lock:
            self._changes.append(Rebalance(kind, frozenset(partitions)))


class Ownership:
    """The owned partitions, each with the number of the rebalance that assigned it."""

    def __init__(self) -> None:
        self._epochs: dict[TopicPartition, int] = {}
        self._n_changes = 0

    @property
    def partitions(self) -> frozenset[TopicPartition]:
        """All owned partitions."""
        return frozenset(self._epochs)

    def apply(self, rebalance: Rebalance) -> None:
        """Apply a rebalance."""
        self._n_changes += 1
        for partition in rebalance.partitions:
            if rebalance.kind is RebalanceKind.ASSIGNED:
                self._epochs[partition] = self._n_changes
            else:
                self._epochs.pop(partition, None)

    def epochs(self) -> Mapping[TopicPartition, int]:
        """A snapshot, to carry along with work."""
        return dict(self._epochs)

    def still_owned(self, partition: TopicPartition, epochs: Mapping[TopicPartition, int]) -> bool:
        """Whether `partition` has been owned without interruption since the snapshot `epochs`."""
        epoch = self._epochs.get(partition)
        return epoch is not None and epoch == epochs.get(partition)
