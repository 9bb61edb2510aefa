"""What the loop measures, the same for every worker."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from consumers.cluster.polling import Gap
from consumers.cluster.records import TopicPartition
from consumers.runtime.cluster_watch import Progress
from consumers.runtime.metrics import Metrics
from consumers.runtime.ownership import Rebalance
from consumers.runtime.read_position import ReadPosition
from consumers.runtime.unit import Unit
from consumers.runtime.work_rate import WorkRate


class LoopMetrics:
    """Writes the loop's rows of the metrics table. Not thread-safe."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rate = WorkRate()
        self._lagging: set[TopicPartition] = set()
        """The partitions whose lag is shown."""
        metrics.gauge("sentiment_lag_seconds").set(float("nan"))

    def watch_kafka(self, away_for: Callable[[], float]) -> None:
        """Show what `away_for` returns: for how many seconds Kafka has been away."""
        self._metrics.gauge("sentiment_kafka_unreachable_seconds").set_function(away_for)

    def rebalanced(self, rebalance: Rebalance) -> None:
        """The assignment changed."""
        self._metrics.counter("sentiment_rebalances_total", change=rebalance.kind.value).inc()

    def polled(self, now_s: float) -> None:
        """Records came."""
        self._rate.begin(now_s)

    def missed(self, gap: Gap) -> None:
        """Records were removed before they were read."""
        name, number = gap.partition.topic, str(gap.partition.partition)
        self._metrics.counter("sentiment_missed_records_total", topic=name, partition=number).inc(gap.n_offsets)

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
                if record.is_tombstone:
                    self._metrics.counter("sentiment_tombstones_total", topic=record.topic).inc()
                if record.timestamp_ms >= 0:  # -1: the record has none
                    latency.observe(max(0.0, at_s - record.timestamp_ms / 1000))
        self._rate.done(n_records, now_s)

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
        self,
        positions: Mapping[TopicPartition, ReadPosition],
        outstanding: Mapping[TopicPartition, int],
        progress: Mapping[TopicPartition, Progress],
        now_s: float,
    ) -> None:
        """Show how far the group is behind on the owned partitions, which are those of `positions`.

        `outstanding` is how many of the records read from each are not committed. `progress` is what the brokers said
        a moment ago: only they know the end of a partition from which nothing was fetched for a while.
        """
        if not any(outstanding.values()):
            self._rate.pause()
        lags: dict[TopicPartition, int] = {}
        for partition, state in positions.items():
            lag = _lag(state, outstanding.get(partition, 0), progress.get(partition))
            if lag is not None:
                lags[partition] = lag
        for partition, lag in lags.items():
            name, number = partition.topic, str(partition.partition)
            self._metrics.gauge("sentiment_lag_records", topic=name, partition=number).set(lag)
        for partition in self._lagging - lags.keys():
            self._metrics.forget_one("sentiment_lag_records", partition.topic, str(partition.partition))
        self._lagging = set(lags)
        known = len(lags) == len(positions)
        seconds = self._rate.seconds_for(sum(lags.values()), now_s) if known else None
        self._metrics.gauge("sentiment_lag_seconds").set(float("nan") if seconds is None else seconds)

    def unreadable(self, gaps: Mapping[TopicPartition, int], stuck: frozenset[TopicPartition]) -> None:
        """The number of offsets that cannot be read yet, by partition, and the partitions that are stuck."""
        self._metrics.forget("sentiment_unreadable_records")
        for partition, behind in gaps.items():
            self._metrics.gauge(
                "sentiment_unreadable_records", topic=partition.topic, partition=str(partition.partition)
            ).set(behind)
        self._metrics.gauge("sentiment_hanging_transactions").set(len(stuck))

    def obstacles(self, partitions: Collection[TopicPartition]) -> None:
        """The owned partitions that will not be read until somebody does something."""
        self._metrics.gauge("sentiment_blocked_partitions").set(len(partitions))


def _lag(state: ReadPosition, outstanding: int, progress: Progress | None) -> int | None:
    """The offsets of a partition that are not committed yet. None: unknown."""
    if progress is None:
        return None if None in (state.position, state.high_watermark) else state.behind + outstanding
    position = progress.reached if state.position is None else state.position
    return max(0, max(progress.end, state.high_watermark or 0) - position) + outstanding
