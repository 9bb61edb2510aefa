"""Which records go into the next batch."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from consumers.cluster.records import Record, TopicPartition
from consumers.runtime.backlog import Backlog

PARTITIONS = [TopicPartition("in", number) for number in range(3)]


def record(partition: TopicPartition, offset: int, size: int = 1) -> Record:
    return Record(partition.topic, partition.partition, offset, 0, None, b"x" * size)


@given(
    polls=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(0, 40)), max_size=20),
    max_records=st.integers(1, 7),
    max_bytes=st.integers(1, 60),
)
def test_every_record_leaves_once_in_order_and_within_the_bounds(
    polls: list[tuple[int, int, int]], max_records: int, max_bytes: int
) -> None:
    """Batches have each record once, in partition order, within both limits unless one record alone exceeds them."""
    backlog = Backlog(max_records, max_bytes)
    added: dict[TopicPartition, list[int]] = defaultdict(list)
    for number, count, size in polls:
        partition = PARTITIONS[number]
        start = len(added[partition])
        offsets = range(start, start + count)
        backlog.add(partition, [record(partition, offset, size) for offset in offsets], now_s=0.0)
        added[partition].extend(offsets)
    taken: dict[TopicPartition, list[int]] = defaultdict(list)
    while backlog:
        batch = backlog.take()
        assert 1 <= len(batch) <= max_records
        assert batch.n_bytes <= max_bytes or len(batch) == 1
        for partition, records in batch.partitions.items():
            taken[partition].extend(each.offset for each in records)
    assert taken == {partition: offsets for partition, offsets in added.items() if offsets}
    assert not backlog.full
    assert backlog.oldest_s is None


def test_a_batch_is_due_when_full_or_when_its_oldest_record_waited() -> None:
    """A full batch is due at once, a smaller one after the longest wait, and an empty one never."""
    backlog = Backlog(max_records=2, max_bytes=100)
    assert not backlog.due(now_s=99.0, max_wait_s=0.0)
    backlog.add(PARTITIONS[0], [record(PARTITIONS[0], 0)], now_s=10.0)
    assert not backlog.due(now_s=10.4, max_wait_s=0.5)
    assert backlog.due(now_s=10.5, max_wait_s=0.5)
    backlog.add(PARTITIONS[0], [record(PARTITIONS[0], 1)], now_s=10.4)
    assert backlog.due(now_s=10.4, max_wait_s=0.5)


def test_a_partition_with_much_to_do_does_not_starve_the_others() -> None:
    """Partitions are served in turn, however many records one of them has."""
    backlog = Backlog(max_records=2, max_bytes=1_000)
    backlog.add(PARTITIONS[0], [record(PARTITIONS[0], offset) for offset in range(100)], now_s=0.0)
    backlog.add(PARTITIONS[1], [record(PARTITIONS[1], 0)], now_s=0.0)
    first, second = backlog.take(), backlog.take()
    assert PARTITIONS[1] in {*first.partitions, *second.partitions}


def test_dropped_partitions_leave_nothing_behind() -> None:
    """After a partition is dropped, only records of the others come out, and only they count towards the limits."""
    backlog = Backlog(max_records=2, max_bytes=1_000)
    for partition in PARTITIONS[:2]:
        backlog.add(partition, [record(partition, 0), record(partition, 1)], now_s=0.0)
    backlog.drop([PARTITIONS[0], PARTITIONS[2]])
    assert len(backlog) == 2
    assert set(backlog.take().partitions) == {PARTITIONS[1]}
    assert not backlog
