"""The log on disk: reading can start anywhere, and damage at the end costs only what it hits."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.broker.partition import Partition
from tests.consumers.broker.build import NOW_MS, batch, open_partition, read_batches

_SIZES = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 120)), min_size=1, max_size=25)
"""(records, bytes of each) of the batches that are appended"""
_SEGMENT = {"segment_bytes": "700"}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "log"


def _filled(folder: Path, sizes: list[tuple[int, int]]) -> Partition:
    partition = open_partition(folder, **_SEGMENT)
    for number, (count, length) in enumerate(sizes):
        partition.append(batch([bytes([number]) * length] * count), NOW_MS)
    return partition


def _offsets(partition: Partition, offset: int = 0) -> list[tuple[int, int]]:
    return [(header.base_offset, header.last_offset) for header in read_batches(partition, offset)]


def _expected(sizes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    offset, expected = 0, []
    for count, _ in sizes:
        expected.append((offset, offset + count - 1))
        offset += count
    return expected


@settings(deadline=None, max_examples=40)
@given(sizes=_SIZES, data=st.data())
def test_every_batch_is_read_from_every_offset(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    """Reading begins with the batch that holds the offset and misses none after it, in all segments."""
    with _folder() as folder:
        partition = _filled(folder, sizes)
        expected = _expected(sizes)
        assert _offsets(partition) == expected
        offset = data.draw(st.integers(0, partition.end_offset - 1))
        assert _offsets(partition, offset) == [each for each in expected if each[1] >= offset]


@settings(deadline=None, max_examples=60)
@given(sizes=_SIZES, data=st.data())
def test_a_torn_tail_leaves_a_prefix(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    """If the last file is cut off at any byte, every whole batch is there, and the log can be written again."""
    with _folder() as folder:
        _filled(folder, sizes).log.close()
        last = max(folder.glob("*.log"))
        cut = data.draw(st.integers(0, last.stat().st_size))
        with last.open("r+b") as file:
            file.truncate(cut)
        partition = open_partition(folder, **_SEGMENT)
        survived = _offsets(partition)
        assert survived == _expected(sizes)[: len(survived)]
        assert partition.log.size == sum(path.stat().st_size for path in folder.glob("*.log"))
        assert partition.append(batch([b"next"]), NOW_MS) == (survived[-1][1] + 1 if survived else 0)


@settings(deadline=None, max_examples=60)
@given(sizes=_SIZES, data=st.data())
def test_a_flipped_bit_leaves_a_prefix(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    """Damage in the last file costs the damaged batch and what follows, and nothing before it."""
    with _folder() as folder:
        _filled(folder, sizes).log.close()
        last = max(folder.glob("*.log"))
        content = bytearray(last.read_bytes())
        if not content:
            return
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= 1 << data.draw(st.integers(0, 7))
        last.write_bytes(content)
        survived = _offsets(open_partition(folder, **_SEGMENT))
        assert survived == _expected(sizes)[: len(survived)]
        first_of_file = int(last.stem)
        assert [each for each in survived if each[0] < first_of_file] == [
            each for each in _expected(sizes) if each[0] < first_of_file
        ]


@settings(deadline=None, max_examples=25)
@given(sizes=_SIZES, damage=st.sampled_from(["missing", "torn", "foreign"]), data=st.data())
def test_a_sidecar_can_be_made_anew(sizes: list[tuple[int, int]], damage: str, data: st.DataObject) -> None:
    """A lost or damaged sidecar costs time at the start, never records."""
    with _folder() as folder:
        _filled(folder, sizes).log.close()
        sidecars = sorted(folder.glob("*.index"))
        if sidecars:
            sidecar = data.draw(st.sampled_from(sidecars))
            if damage == "missing":
                sidecar.unlink()
            else:
                sidecar.write_bytes(sidecar.read_bytes()[:-7] if damage == "torn" else b"00000000 {}")
        assert _offsets(open_partition(folder, **_SEGMENT)) == _expected(sizes)


@settings(deadline=None, max_examples=40)
@given(
    times=st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=4), min_size=1, max_size=20),
    wanted=st.integers(0, 55),
)
def test_a_time_is_found_as_by_looking_at_every_record(times: list[list[int]], wanted: int) -> None:
    """The sparse index gives the same answer as a scan of all records."""
    with _folder() as folder:
        partition = open_partition(folder, **_SEGMENT)
        for group in times:
            partition.append(batch([b"x" * 40] * len(group), timestamp_ms=group), NOW_MS)
        flat = [timestamp_ms for group in times for timestamp_ms in group]
        expected = next(((at, offset) for offset, at in enumerate(flat) if at >= wanted), None)
        assert partition.log.offset_for_time(wanted) == expected


@settings(deadline=None, max_examples=40)
@given(sizes=_SIZES, data=st.data())
def test_the_start_survives_deletion_and_restart(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    """After deleting up to an offset, reading begins there; with everything deleted the next offset is still known."""
    with _folder() as folder:
        partition = _filled(folder, sizes)
        end = partition.end_offset
        offset = data.draw(st.integers(0, end))
        partition.delete_before(offset)
        assert (partition.start_offset, partition.end_offset) == (offset, end)
        assert _offsets(partition, offset) == [each for each in _expected(sizes) if each[1] >= offset]
        partition.log.close()
        again = open_partition(folder, **_SEGMENT)
        assert again.end_offset == end
        assert again.start_offset <= offset


def test_retention_by_time_and_size_drops_whole_old_segments(tmp_path: Path) -> None:
    """Segments go oldest first, while they are too old or the log is too large."""
    partition = open_partition(tmp_path / "time", segment_bytes="200", retention_ms="1000")
    for second in range(10):
        partition.append(batch([b"x" * 100], timestamp_ms=[NOW_MS + second * 1000]), NOW_MS + 10_000)
    partition.clean(NOW_MS + 6_000)
    assert partition.start_offset == 5
    partition.clean(NOW_MS + 100_000)
    assert (partition.start_offset, partition.end_offset) == (10, 10)

    partition = open_partition(tmp_path / "size", segment_bytes="200", retention_ms="-1", retention_bytes="600")
    for _ in range(10):
        partition.append(batch([b"x" * 100]), NOW_MS)
    before = partition.log.size
    partition.clean(NOW_MS)
    assert 600 <= partition.log.size < before
    assert _offsets(partition, partition.start_offset)[0][0] == partition.start_offset > 0


def test_records_without_a_timestamp_are_as_old_as_their_file(tmp_path: Path) -> None:
    """Retention counts from when they were written, also after a restart."""
    partition = open_partition(tmp_path / "log", segment_bytes="200", retention_ms="1000")
    for _ in range(3):
        partition.append(batch([b"x" * 100], timestamp_ms=-1), NOW_MS)
    partition.log.close()
    partition = open_partition(tmp_path / "log", segment_bytes="200", retention_ms="1000")
    for path in (tmp_path / "log").glob("*.log"):
        os.utime(path, (NOW_MS / 1000, NOW_MS / 1000))
    partition.clean(NOW_MS + 500)
    assert partition.start_offset == 0
    partition.clean(NOW_MS + 1_500)
    assert partition.start_offset == 3


def test_retention_waits_for_open_transactions(tmp_path: Path) -> None:
    """What a transaction has written is not deleted before the transaction has ended."""
    partition = open_partition(tmp_path / "log", segment_bytes="200", retention_ms="1000")
    partition.append(batch([b"x" * 100], producer=(1, 0), sequence=0, transactional=True), NOW_MS)
    for _ in range(5):
        partition.append(batch([b"x" * 100]), NOW_MS)
    partition.clean(NOW_MS + 100_000)
    assert partition.start_offset == 0
    partition.end_transaction(1, 0, commit=True, now_ms=NOW_MS)
    partition.clean(NOW_MS + 100_000)
    assert partition.start_offset == 7


def test_a_crash_between_the_steps_of_compaction_is_recognised(tmp_path: Path) -> None:
    """A file whose records are in the one before it, left over by a replacement that was cut short, is dropped."""
    folder = tmp_path / "log"
    partition = _filled(folder, [(1, 100)] * 12)
    partition.log.close()
    first, second, *_ = sorted(folder.glob("*.log"))
    merged = first.read_bytes() + second.read_bytes()
    shutil.copy(second, tmp_path / "left-over")
    first.write_bytes(merged)
    assert _offsets(open_partition(folder, **_SEGMENT)) == _expected([(1, 100)] * 12)
    assert not second.exists()
