"""Producer states: the same after any restart. Aborted transactions: the same as a scan of the log finds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.broker.partition import Partition
from tests.consumers.broker.build import NOW_MS, batch, open_partition

_STEPS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["write", "commit", "abort", "plain"])), max_size=40)
"""What three producers do in turn to one partition."""


def _play(partition: Partition, steps: list[tuple[int, str]]) -> list[tuple[int, int, int]]:
    """Do the steps; returns (producer id, first offset, marker offset) of the aborted transactions."""
    sequences: dict[int, int] = {}
    opened: dict[int, int] = {}
    aborted = []
    for producer_id, what in steps:
        if what == "plain":
            partition.append(batch([b"plain" * 10]), NOW_MS)
        elif what == "write":
            sequence = sequences.get(producer_id, 0)
            data = batch([b"open" * 10], producer=(producer_id, 0), sequence=sequence, transactional=True)
            opened.setdefault(producer_id, partition.append(data, NOW_MS))
            sequences[producer_id] = sequence + 1
        elif producer_id in opened:
            first, marker = opened.pop(producer_id), partition.end_offset
            partition.end_transaction(producer_id, 0, commit=what == "commit", now_ms=NOW_MS)
            if what == "abort":
                aborted.append((producer_id, first, marker))
    assert partition.stable_offset == min(opened.values(), default=partition.end_offset)
    return aborted


@settings(deadline=None, max_examples=60)
@given(steps=_STEPS, data=st.data())
def test_aborted_transactions_are_those_that_touch_the_range(steps: list[tuple[int, str]], data: st.DataObject) -> None:
    """Exactly the transactions that began before the end of what is read and ended after its start."""
    with tempfile.TemporaryDirectory() as folder:
        partition = open_partition(Path(folder) / "log", segment_bytes="500")
        aborted = _play(partition, steps)
        first = data.draw(st.integers(0, partition.end_offset))
        last = data.draw(st.integers(first, partition.end_offset))
        listed = [tuple(each) for each in partition.producers.aborted_between(first, last)]
        assert listed == [each for each in aborted if each[2] >= first and each[1] <= last]


@settings(deadline=None, max_examples=40)
@given(steps=_STEPS)
def test_a_restart_changes_nothing(steps: list[tuple[int, str]]) -> None:
    """Sequences, open and aborted transactions are the same, whether from sidecars or from the log alone."""
    with tempfile.TemporaryDirectory() as folder:
        partition = open_partition(Path(folder) / "log", segment_bytes="500")
        _play(partition, steps)
        partition.log.close()
        again = open_partition(Path(folder) / "log", segment_bytes="500")
        assert again.producers.encode() == partition.producers.encode()
        again.log.close()
        for sidecar in Path(folder).glob("log/*.index"):
            sidecar.unlink()
        assert open_partition(Path(folder) / "log", segment_bytes="500").producers.encode() == again.producers.encode()


def test_silent_producers_are_forgotten(tmp_path: Path) -> None:
    """After a day by the broker's clock, whatever their records say; never with a transaction open."""
    day_ms = 24 * 3600 * 1000
    partition = open_partition(tmp_path / "log")
    partition.append(batch([b"a"], producer=(1, 0), sequence=0, timestamp_ms=[1]), NOW_MS)
    partition.append(batch([b"b"], producer=(2, 0), sequence=0, transactional=True), NOW_MS)
    partition.clean(NOW_MS + day_ms - 1)
    assert set(partition.producers.by_id) == {1, 2}
    partition.clean(NOW_MS + day_ms + 1)
    assert set(partition.producers.by_id) == {2}
