"""The small parts of the loop: ownership, units of work, idleness, back-off, stuck readers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.cluster.records import OutgoingRecord, Record, RecordBatch, TopicPartition, WorkResult
from consumers.runtime.cluster_watch import Progress
from consumers.runtime.hanging import StandstillDetector
from consumers.runtime.idle import IdleTimer
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.metrics import Metrics
from consumers.runtime.ownership import Ownership, Rebalance, RebalanceKind, RebalanceLog
from consumers.runtime.read_position import ReadPosition
from consumers.runtime.unit import Finished, Pace
from consumers.runtime.work_rate import WorkRate
from consumers.runtime.work_thread import Done, Ticket
from consumers.timing.backoff import Backoff

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


def owning(*partitions: TopicPartition) -> Ownership:
    ownership = Ownership()
    ownership.apply(Rebalance(RebalanceKind.ASSIGNED, frozenset(partitions)))
    return ownership


def done(ownership: Ownership, offsets: dict[TopicPartition, list[int]]) -> Done:
    shares = {
        partition: tuple(Record(partition.topic, partition.partition, offset, 0, None, b"") for offset in each)
        for partition, each in offsets.items()
    }
    outputs = {
        partition: [OutgoingRecord("out", f"{partition.partition}/{record.offset}".encode()) for record in records]
        for partition, records in shares.items()
    }
    return Done(Ticket(RecordBatch(shares), ownership.epochs()), WorkResult(outputs), None, 0.0)


@pytest.mark.parametrize("kind", [RebalanceKind.REVOKED, RebalanceKind.LOST])
def test_work_from_before_a_partition_left_is_recognised_after_it_came_back(kind: RebalanceKind) -> None:
    """Work in flight from before a partition was given up and assigned again does not count as owned."""
    ownership = owning(A, B)
    before = ownership.epochs()
    ownership.apply(Rebalance(kind, frozenset({A})))
    assert not ownership.still_owned(A, before)
    ownership.apply(Rebalance(RebalanceKind.ASSIGNED, frozenset({A})))
    assert not ownership.still_owned(A, before)
    assert ownership.still_owned(A, ownership.epochs())
    assert ownership.still_owned(B, before)


def test_changes_are_told_once_and_in_order() -> None:
    """What the client reports between two polls is returned in the same order, once."""
    log = RebalanceLog()
    log.on_partitions_assigned([A, B])
    log.on_partitions_revoked({A})
    log.on_partitions_lost({B})
    assert [(each.kind, each.partitions) for each in log.drain()] == [
        (RebalanceKind.ASSIGNED, frozenset({A, B})),
        (RebalanceKind.REVOKED, frozenset({A})),
        (RebalanceKind.LOST, frozenset({B})),
    ]
    assert log.drain() == []


def test_a_transaction_holds_the_work_in_order_and_the_next_offsets() -> None:
    """Outputs keep the order of handling. Each offset is the one after the last record of its partition."""
    ownership, finished = owning(A, B), Finished()
    finished.add(done(ownership, {A: [0, 1], B: [7]}), now_s=0.0)
    finished.add(done(ownership, {A: [2, 5]}), now_s=0.1)
    unit = finished.take(ownership)
    assert [record.value for record in unit.records] == [b"0/0", b"0/1", b"1/7", b"0/2", b"0/5"]
    assert unit.offsets == {A: 6, B: 8}
    assert not finished


def test_a_transaction_drops_the_share_of_revoked_partitions() -> None:
    """Outputs and offsets of a revoked partition are not committed. Those of the others are."""
    ownership, finished = owning(A, B), Finished()
    finished.add(done(ownership, {A: [0], B: [0]}), now_s=0.0)
    ownership.apply(Rebalance(RebalanceKind.REVOKED, frozenset({A})))
    unit = finished.take(ownership)
    assert [record.value for record in unit.records] == [b"1/0"]
    assert unit.offsets == {B: 1}
    assert [set(batch.partitions) for batch in unit.batches] == [{B}]


def test_work_is_committed_at_once_at_low_load_and_by_slices_under_load() -> None:
    """A commit is due at once if nothing else is coming, else after the time slice. Never without work."""
    ownership, finished = owning(A), Finished()
    assert not finished.due(100.0, 0.5, more_coming=False)
    finished.add(done(ownership, {A: [0]}), now_s=100.0)
    assert finished.due(100.0, 0.5, more_coming=False)
    assert not finished.due(100.4, 0.5, more_coming=True)
    assert finished.due(100.5, 0.5, more_coming=True)


def test_idleness_is_measured_without_a_break() -> None:
    """A worker ends only after the whole limit without interruption, and never without a limit."""
    timer = IdleTimer(2.0)
    states = [(0.0, True), (1.9, True), (2.0, False), (2.25, True), (4.0, True), (4.25, True)]
    assert [timer.expired(idle=idle, now_s=now_s) for now_s, idle in states] == [False] * 5 + [True]
    endless = IdleTimer(None)
    assert not any(endless.expired(idle=True, now_s=now_s) for now_s in (0.0, 1e9))


@given(limit=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_backing_off_is_bounded_and_gives_up(limit: int, seed: int) -> None:
    """Delays are positive and at most the maximum. It gives up at the limit of failures, and a success resets it."""
    backoff = Backoff(limit, base_s=0.25, max_s=3.0, seed=seed)
    for _ in range(2):
        delays = [backoff.next_delay() for _ in range(limit)]
        assert delays[-1] is None
        assert all(delay is not None and 0 < delay <= 3.0 for delay in delays[:-1])
        backoff.reset()


def test_reading_stands_still_only_when_a_gap_does_not_move() -> None:
    """A reader is stuck if its gap outlives every transaction, not if the gap moves, closes or is young."""
    detector = StandstillDetector(patience_s=60.0)
    assert detector.observe({A: (5, 3), B: (0, 0)}, 0.0) == frozenset()
    assert detector.observe({A: (6, 2), B: (0, 9)}, 50.0) == frozenset()
    assert detector.observe({A: (6, 4), B: (0, 9)}, 110.0) == frozenset()
    assert detector.observe({A: (6, 4), B: (9, 0)}, 111.0) == {A}
    assert detector.observe({A: (10, 0), B: (9, 0)}, 112.0) == frozenset()


def test_the_rate_counts_time_with_work_only() -> None:
    """A quiet hour does not make a worker slow. A minute of work without a result makes it infinitely slow."""
    rate = WorkRate()
    assert rate.seconds_for(0, 0.0) == 0.0
    assert rate.seconds_for(10, 0.0) is None
    rate.begin(0.0)
    rate.done(50, 1.0)
    rate.done(150, 2.0)
    rate.pause()
    assert rate.seconds_for(1_000, 3_600.0) == 10.0
    rate.begin(3_600.0)
    assert rate.seconds_for(1_000, 3_600.0) == 10.0
    assert rate.seconds_for(1_000, 3_602.0) == 20.0
    rate.done(0, 3_602.0)
    assert rate.seconds_for(1_000, 3_663.0) == float("inf")


@pytest.mark.parametrize(
    ("position", "high_watermark", "outstanding", "progress", "lag"),
    [
        (10, 30, 5, None, 25),
        (10, None, 5, None, None),
        (None, 30, 0, None, None),
        (10, 30, 5, Progress(reached=8, end=90), 85),
        (10, 95, 5, Progress(reached=8, end=90), 90),
        (10, None, 0, Progress(reached=8, end=90), 80),
        (None, None, 0, Progress(reached=8, end=90), 82),
    ],
)
def test_lag_counts_what_was_never_fetched(
    position: int | None, high_watermark: int | None, outstanding: int, progress: Progress | None, lag: int | None
) -> None:
    """The end is the later of what the brokers and the last fetch say. What nobody has said is unknown, not 0."""
    metrics = Metrics()
    shown = LoopMetrics(metrics)
    answers = {} if progress is None else {A: progress}
    shown.lag({A: ReadPosition(position, high_watermark)}, {A: outstanding}, answers, 0.0)
    labels = {"topic": A.topic, "partition": str(A.partition)}
    assert metrics.registry.get_sample_value("sentiment_lag_records", labels) == lag
    shown.lag({}, {}, {}, 1.0)
    assert metrics.registry.get_sample_value("sentiment_lag_records", labels) is None


@given(st.floats(0, 10), st.lists(st.floats(0, 100)))
def test_commits_take_at_most_a_tenth_of_the_time_unless_work_would_wait_too_long(
    longest_s: float, took_s: list[float]
) -> None:
    """A cluster that gets slower gets fewer transactions at once, and more when it recovers."""
    pace = Pace(longest_s)
    assert pace.wait_s == 0.0
    for seconds in took_s:
        pace.took(seconds)
        assert pace.wait_s == pytest.approx(min(longest_s, 10 * seconds))
