"""Notices a read-committed reader that stands still.

A transaction that is open in a partition but unknown to its coordinator holds back every read-committed reader of that
partition for ever, silently. It looks like this: all that can be read is read, the log goes on beyond it, and neither
changes for longer than any transaction may last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consumers.cluster.records import TopicPartition


@dataclass(frozen=True, slots=True)
class Gap:
    """What is written but cannot be read yet: offsets between the reader and the end of the log."""

    position: int
    behind: int
    since_s: float
    """Monotonic time since when the position has not moved, with something behind it."""


class StandstillDetector:
    """Follows the gap of each partition. `patience_s`: longer than the transaction timeout of every producer."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._gaps: dict[TopicPartition, Gap] = {}

    def observe(self, gaps: Mapping[TopicPartition, tuple[int, int]], now_s: float) -> frozenset[TopicPartition]:
        """Note (position, offsets behind it) of every partition that is being read, at a time when polls return
        nothing. Returns the partitions that have stood still for longer than `patience_s`.
        """
        self._gaps = {
            partition: self._follow(partition, position, behind, now_s)
            for partition, (position, behind) in gaps.items()
            if behind > 0
        }
        return frozenset(p for p, gap in self._gaps.items() if now_s - gap.since_s > self._patience_s)

    def _follow(self, partition: TopicPartition, position: int, behind: int, now_s: float) -> Gap:
        known = self._gaps.get(partition)
        since_s = known.since_s if known is not None and known.position == position else now_s
        return Gap(position, behind, since_s)
