"""What the loop measures, the same for every worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime

from consumers.cluster.records import TopicPartition
from consumers.runtime.metrics import Metrics
from consumers.runtime.ownership import Rebalance
from consumers.runtime.session import ReadPosition
from consumers.runtime.unit import Unit

_RATE_WINDOW_S = 60.0


class LoopMetrics:
    """Writes the loop's rows of the metrics table. Not thread-safe."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._recent: deque[tuple[float, int]] = deque()
        """(monotonic time, records) of the commits of the last minute."""

    def rebalanced(self, rebalance: Rebalance) -> None:
        """The assignment changed."""
        self._metrics.counter("sentiment_rebalances_total", change=rebalance.kind.value).inc()

    def handed_over(self, n_records: int) -> None:
        """A batch went to the handler."""
        self._metrics.histogram("sentiment_batch_records").observe(n_records)

    def committed(self, unit: Unit, at: datetime, seconds: float, now_s: float) -> None:
        """A transaction was committed; the commit took `seconds`."""
        self._metrics.counter("sentiment_transactions_total", outcome="committed").inc()
        self._metrics.histogram("sentiment_stage_seconds", stage="commit").observe(seconds)
        latency = self._metrics.histogram("sentiment_event_latency_seconds")
        at_s = at.timestamp()
        n_records = 0
        for batch in unit.batches:
            for record in batch:
                n_records += 1
                if record.fault is not None:
                    self._metrics.counter("sentiment_damaged_records_total", topic=record.topic).inc()
                if record.timestamp_ms >= 0:  # -1: the record has none
                    latency.observe(max(0.0, at_s - record.timestamp_ms / 1000))
        self._recent.append((now_s, n_records))

    def transaction_failed(self) -> None:
        """A transaction failed, or its outcome is unknown."""
        self._metrics.counter("sentiment_transactions_total", outcome="failed").inc()

    def rebuilt(self) -> None:
        """The clients are about to be rebuilt."""
        self._metrics.counter("sentiment_rebuilds_total").inc()

    def flow(self, *, paused: bool, under_pressure: bool) -> None:
        """Whether fetching is paused, and whether the handler is under pressure."""
        self._metrics.gauge("sentiment_paused").set(paused)
        self._metrics.gauge("sentiment_pressure").set(under_pressure)

    def lag(
        self, positions: Mapping[TopicPartition, ReadPosition], outstanding: Mapping[TopicPartition, int], now_s: float
    ) -> None:
        """How far the owned partitions are read, and how many of the records read from each are not committed."""
        self._metrics.forget("sentiment_lag_records")
        total = 0
        for partition, state in positions.items():
            lag = state.behind + outstanding.get(partition, 0)
            total += lag
            self._metrics.gauge("sentiment_lag_records", topic=partition.topic, partition=str(partition.partition)).set(
                lag
            )
        while self._recent and now_s - self._recent[0][0] > _RATE_WINDOW_S:
            self._recent.popleft()
        done = sum(n for _, n in self._recent)
        window_s = max(1.0, now_s - self._recent[0][0]) if self._recent else _RATE_WINDOW_S
        lag_s = total * window_s / done if done else (float("inf") if total else 0.0)
        self._metrics.gauge("sentiment_lag_seconds").set(lag_s)

    def unreadable(self, gaps: Mapping[TopicPartition, int], stuck: frozenset[TopicPartition]) -> None:
        """The number of offsets that cannot be read yet, by partition, and the partitions that are stuck."""
        self._metrics.forget("sentiment_unreadable_records")
        for partition, behind in gaps.items():
            self._metrics.gauge(
                "sentiment_unreadable_records", topic=partition.topic, partition=str(partition.partition)
            ).set(behind)
        self._metrics.gauge("sentiment_hanging_transactions").set(len(stuck))
