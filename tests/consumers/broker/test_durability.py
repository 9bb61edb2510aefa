"""A write that fails leaves nothing behind, and the broker works again when there is room."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from consumers.broker import durability
from consumers.broker.codes import BrokerError, Code
from consumers.broker.durability import Flusher, FsyncPolicy
from consumers.broker.entries import GroupDeleted
from consumers.broker.journal import Journal
from tests.consumers.broker.build import NOW_MS, batch, open_partition, read_batches


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every write gets half of its bytes to the disk and then fails, until `undo`."""
    write = os.write
    room = [True]

    def fail_half_way(fd: int, data: bytes) -> int:
        room[0] = not room[0]
        if room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, bytes(data)[: len(data) // 2])

    monkeypatch.setattr(durability.os, "write", fail_half_way)
    return monkeypatch


def test_a_full_disk_leaves_no_half_batch(tmp_path: Path, full_disk: pytest.MonkeyPatch) -> None:
    """The producer gets KAFKA_STORAGE_ERROR, and what it sends later is stored at the same offset."""
    partition = open_partition(tmp_path / "log")
    with pytest.raises(BrokerError) as refused:
        partition.append(batch([b"x"], producer=(1, 0), sequence=0), NOW_MS)
    assert refused.value.code is Code.KAFKA_STORAGE_ERROR
    full_disk.undo()
    assert partition.append(batch([b"x"], producer=(1, 0), sequence=0), NOW_MS) == 0
    partition.log.close()
    assert len(read_batches(open_partition(tmp_path / "log"))) == 1


def test_a_full_disk_leaves_no_half_journal_entry(tmp_path: Path, full_disk: pytest.MonkeyPatch) -> None:
    """What is written later can be read."""
    journal = Journal(tmp_path / "journal", Flusher(FsyncPolicy.NEVER))
    assert list(journal.read()) == []
    with pytest.raises(OSError, match="No space left"):
        journal.write(GroupDeleted("lost"))
    full_disk.undo()
    journal.write(GroupDeleted("kept"))
    journal.close()
    assert list(Journal(tmp_path / "journal", Flusher(FsyncPolicy.NEVER)).read()) == [GroupDeleted("kept")]


@pytest.mark.parametrize("policy", FsyncPolicy)
def test_policies_reach_the_disk_when_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: FsyncPolicy
) -> None:
    """`always` before the write returns, `interval` at the next flush and at closing, `never` not at all."""
    synced: list[int] = []
    monkeypatch.setattr(durability.os, "fsync", synced.append)
    flusher = Flusher(policy)
    journal = Journal(tmp_path / "journal", flusher)
    assert list(journal.read()) == []
    journal.write(GroupDeleted("group"))
    after_write = len(synced)
    journal.close()
    after_close = len(synced)
    assert (after_write, after_close) == {"always": (1, 1), "interval": (0, 1), "never": (0, 0)}[policy]
