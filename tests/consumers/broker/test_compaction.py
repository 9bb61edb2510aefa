"""Compaction: the newest value of every key stays, readers see the rest of the log as before."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.broker.compaction import compact_partition
from consumers.broker.partition import Partition
from consumers.broker.records import records
from tests.consumers.broker.build import NOW_MS, batch, open_partition

_CONFIGS = {"cleanup_policy": "compact", "segment_bytes": "400"}
_WRITES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["plain", "commit", "abort"])), min_size=1, max_size=40)
"""Keys that are written, and how."""


def _write(partition: Partition, writes: list[tuple[int, str]]) -> None:
    sequence = 0
    for number, (key, how) in enumerate(writes):
        keys, values = [b"k%d" % key], [b"%d" % number]
        if how == "plain":
            partition.append(batch(values, keys=keys), NOW_MS)
            continue
        data = batch(values, keys=keys, producer=(1, 0), sequence=sequence, transactional=True)
        partition.append(data, NOW_MS)
        partition.end_transaction(1, 0, commit=how == "commit", now_ms=NOW_MS)
        sequence += 1


def _committed(partition: Partition) -> dict[int, bytes | None]:
    """Offset and key of what a read-committed consumer gets."""
    seen: dict[int, bytes | None] = {}
    offset = partition.start_offset
    while offset < partition.stable_offset:
        data, aborted = partition.read(offset, 1, read_committed=True)
        if not data:
            break
        found = list(records(data))
        hidden = any(each.first_offset <= found[0].offset < each.marker_offset for each in aborted)
        transactional, control = data[22] & 0x10, data[22] & 0x20
        if not control and not (transactional and hidden):
            seen.update({record.offset: record.key for record in found})
        offset = found[-1].offset + 1
    return seen


def _newest(seen: dict[int, bytes | None]) -> dict[bytes | None, int]:
    return {key: offset for offset, key in sorted(seen.items())}


@settings(deadline=None, max_examples=40)
@given(writes=_WRITES)
def test_the_newest_value_of_every_key_stays(writes: list[tuple[int, str]]) -> None:
    """Readers see nothing new, and the newest record of every key. A restart finds the same."""
    with tempfile.TemporaryDirectory() as folder:
        partition = open_partition(Path(folder) / "log", **_CONFIGS)
        _write(partition, writes)
        before, end = _committed(partition), partition.end_offset
        asyncio.run(compact_partition(partition))
        after = _committed(partition)
        assert after.items() <= before.items()
        assert _newest(after) == _newest(before)
        assert partition.end_offset == partition.stable_offset == end
        partition.log.close()
        for lose_sidecars in (False, True):
            if lose_sidecars:
                for sidecar in Path(folder).glob("log/*.index"):
                    sidecar.unlink()
            again = open_partition(Path(folder) / "log", **_CONFIGS)
            assert _committed(again) == after
            assert again.end_offset == again.stable_offset == end
            again.log.close()


def test_a_topic_that_is_written_for_ever_stays_small(tmp_path: Path) -> None:
    """With few keys the log does not grow with the number of writes."""
    partition = open_partition(tmp_path / "log", cleanup_policy="compact", segment_bytes="2000")
    largest = 0
    for _ in range(20):
        _write_transactions(partition, 40)
        asyncio.run(compact_partition(partition))
        largest = max(largest, partition.log.size)
    assert largest < 8 * 2000
    assert len(_newest(_committed(partition))) == 4


def _write_transactions(partition: Partition, count: int) -> None:
    states = partition.producers.by_id
    sequence = states[1].batches[-1][1] + 1 if 1 in states else 0
    for number in range(count):
        data = batch([b"state"], keys=[b"k%d" % (number % 4)], producer=(1, 0), sequence=sequence, transactional=True)
        partition.append(data, NOW_MS)
        partition.end_transaction(1, 0, commit=True, now_ms=NOW_MS)
        sequence += 1


def test_an_open_transaction_is_left_alone(tmp_path: Path) -> None:
    """Nothing after the last stable offset is compacted: it may still be aborted."""
    partition = open_partition(tmp_path / "log", **_CONFIGS)
    partition.append(batch([b"open"], keys=[b"k"], producer=(1, 0), sequence=0, transactional=True), NOW_MS)
    for _ in range(20):
        partition.append(batch([b"later"], keys=[b"k"]), NOW_MS)
    size = partition.log.size
    asyncio.run(compact_partition(partition))
    assert partition.log.size == size
    partition.end_transaction(1, 0, commit=False, now_ms=NOW_MS)
    asyncio.run(compact_partition(partition))
    assert partition.log.size < size
