"""Notices when a read-committed reader is stuck.

A transaction that is open in a partition but unknown to its coordinator blocks every read-committed reader of that
partition for ever, without an error. The sign is that the reader has read all it can, the log goes on behind that
point, and the point does not move for longer than any transaction may last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from consumers.cluster.records import TopicPartition, partition_name
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.read_position import ReadPosition

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gap:
    """What is written but cannot be read yet: the offsets between the reader and the end of the log."""

    position: int
    behind: int
    since_s: float
    """Monotonic time since when the position has not moved although the log goes on."""


class StandstillDetector:
    """Watches the gap of each partition. `patience_s` must exceed the transaction timeout of every producer."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._gaps: dict[TopicPartition, Gap] = {}

    def observe(self, gaps: Mapping[TopicPartition, tuple[int, int]], now_s: float) -> frozenset[TopicPartition]:
        """Note the position of each partition, and the number of offsets up to its end, while polls return nothing.

        Returns the partitions whose position has not moved for longer than `patience_s`.
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


class GapReporter:
    """Shows the gaps of one session as metrics, and logs an error once for each partition that is stuck."""

    def __init__(self, standstill: StandstillDetector, metrics: LoopMetrics) -> None:
        self._standstill = standstill
        self._metrics = metrics
        self._warned_of: frozenset[TopicPartition] = frozenset()

    def report(self, positions: Mapping[TopicPartition, ReadPosition], now_s: float) -> None:
        """Report what is written but cannot be read. `positions` must be empty while polls still return records."""
        gaps = {p: (state.position, state.behind) for p, state in positions.items() if state.position is not None}
        stuck = self._standstill.observe(gaps, now_s)
        self._metrics.unreadable({p: behind for p, (_, behind) in gaps.items()}, stuck)
        if stuck - self._warned_of:
            _log.error(
                "reader_stuck",
                positions=[f"{partition_name(*p)}: at {gaps[p][0]} of {sum(gaps[p])}" for p in sorted(stuck)],
                cause="a transaction that never ended blocks read-committed readers, or this client stopped fetching",
                remedy="kafka-transactions.sh find-hanging, then abort; if it finds nothing, restart the worker",
            )
        self._warned_of = stuck
