"""What the broker did not write stays, and damage is refused until somebody asks for a repair."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumers.broker.broker import Broker
from consumers.broker.data_dir import (
    DamagedJournalError,
    DataDirError,
    DataDirInUseError,
    ForeignDataDirError,
    temporary_data_dir,
)
from consumers.broker.durability import FsyncPolicy
from consumers.broker.entries import Offset
from consumers.broker.transactions import ProducerClaim
from tests.consumers.broker.build import NOW_MS, batch, read_batches
from tests.processes import run, sentiment, start
from tests.waiting import WITHIN_S


def _open(folder: Path, *, rebuild: bool = False) -> Broker:
    return Broker(folder, FsyncPolicy.NEVER, rebuild=rebuild)


@contextmanager
def _killed(folder: Path) -> Iterator[Broker]:
    """A broker without a socket. At the end `folder` has what a kill would leave: nothing is tidied."""
    with tempfile.TemporaryDirectory() as running:
        broker = _open(Path(running))
        yield broker
        shutil.copytree(running, folder, dirs_exist_ok=True)
        broker.close()


def _content(folder: Path) -> dict[str, str]:
    """The hash of every file, except for the lock, which is empty."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _fill(folder: Path) -> None:
    """Two topics with records and settings, and offsets of two groups; then a kill."""
    with _killed(folder) as broker:
        broker.topics.create("topic", 2, {"retention.ms": "7200000"})
        broker.topics.create("other", 1, {})
        for number in range(2):
            broker.topics.partition("topic", number).append(batch([b"x", b"y"]), NOW_MS)
        broker.topics.partition("other", 0).append(batch([b"z"]), NOW_MS)
        broker.offsets.commit("group", [Offset("topic", 0, 1)])
        broker.offsets.commit("late", [Offset("topic", 1, 2)])


def _counts(broker: Broker) -> dict[str, list[int]]:
    return {
        topic.name: [sum(header.record_count for header in read_batches(each)) for each in topic.partitions]
        for topic in broker.topics
    }


_ALL = {"topic": [2, 2], "other": [1]}


@pytest.mark.parametrize(
    "names",
    [
        ("notes.txt",),
        ("topics/mine/report.txt", "topics/feedback-0/00000000000000000000.log"),
        ("state.journal", "topics/a-0/b"),
        ("cluster-id", "topics/a-0/b"),
        (".git/HEAD",),
    ],
)
def test_a_foreign_folder_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Whatever is in it: not a byte changes, and no file is added."""
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    before = _content(tmp_path)
    with pytest.raises(ForeignDataDirError):
        _open(tmp_path)
    assert _content(tmp_path) == before
    assert not (tmp_path / ".lock").exists()


def test_a_foreign_file_among_the_topics_stays(tmp_path: Path) -> None:
    """It is in a folder of ours, but not from us."""
    _fill(tmp_path)
    (tmp_path / "topics" / "notes-1").mkdir()
    (tmp_path / "topics" / "notes-1" / "a.txt").write_text("mine")
    (tmp_path / "topics" / "topic-0" / "copy.log").write_text("mine")
    for rebuild in (False, True):
        broker = _open(tmp_path, rebuild=rebuild)
        assert _counts(broker) == _ALL
        broker.close()
    assert (tmp_path / "topics" / "notes-1" / "a.txt").read_text() == "mine"
    assert (tmp_path / "topics" / "topic-0" / "copy.log").read_text() == "mine"


def test_a_flipped_bit_anywhere_in_the_journal_is_refused(tmp_path: Path) -> None:
    """In a checksum, a space, an entry or a line end, of the first line or of the last. Nothing is deleted or cut."""
    _fill(tmp_path)
    journal = tmp_path / "state.journal"
    sound = journal.read_bytes()
    starts = [0, *(at + 1 for at, byte in enumerate(sound) if byte == ord("\n"))]
    middle, last = starts[len(starts) // 2], starts[-2]
    regions = [line + inside for line in (0, middle, last) for inside in (0, 7, 8, 9, 15, 30)]
    for at in (*regions, *(line - 1 for line in starts[1:])):
        for bit in range(8):
            damaged = bytearray(sound)
            damaged[at] ^= 1 << bit
            journal.write_bytes(damaged)
            before = _content(tmp_path)
            with pytest.raises(DamagedJournalError):
                _open(tmp_path)
            assert _content(tmp_path) == before
    journal.write_bytes(sound)
    broker = _open(tmp_path)
    assert _counts(broker) == _ALL
    broker.close()


def _remove(journal: Path) -> None:
    journal.unlink()


def _empty(journal: Path) -> None:
    journal.write_bytes(b"")


def _lose_first_line(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes().partition(b"\n")[2])


def _flip_in_first_line(journal: Path) -> None:
    content = bytearray(journal.read_bytes())
    content[20] ^= 4
    journal.write_bytes(content)


def _overwrite(journal: Path) -> None:
    journal.write_bytes(b"junk\n\r\n\0")


def _lose_marker_too(journal: Path) -> None:
    journal.unlink()
    (journal.parent / "cluster-id").unlink()


_DAMAGES = [_remove, _empty, _lose_first_line, _flip_in_first_line, _overwrite, _lose_marker_too]


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_rebuilt_journal_has_all_topics_and_records(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Without asking the folder is refused, unchanged. Afterwards it opens as always, and can be written."""
    _fill(tmp_path)
    damage(tmp_path / "state.journal")
    before = _content(tmp_path / "topics")
    with pytest.raises(DataDirError) as refused:
        _open(tmp_path)
    assert "--rebuild-journal" in (refused.value.hint or "")
    assert _content(tmp_path / "topics") == before
    for rebuild in (True, False):
        broker = _open(tmp_path, rebuild=rebuild)
        assert _counts(broker) == _ALL
        broker.close()
    again = _open(tmp_path)
    again.topics.partition("other", 0).append(batch([b"new"]), NOW_MS)
    assert _counts(again) == {**_ALL, "other": [2]}
    again.close()


def test_a_rebuilt_journal_keeps_what_sound_lines_say(tmp_path: Path) -> None:
    """Only what stood in the damaged line is lost, and the damaged journal is kept beside."""
    _fill(tmp_path)
    journal = tmp_path / "state.journal"
    damaged = journal.read_bytes().replace(b'"late"', b'"lace"')
    journal.write_bytes(damaged)
    broker = _open(tmp_path, rebuild=True)
    assert list(broker.offsets.groups()) == ["group"]
    topic = broker.topics.get("topic")
    assert topic is not None
    assert topic.config.overrides == {"retention.ms": "7200000"}
    broker.close()
    assert [path.read_bytes() for path in tmp_path.glob("state.journal.damaged-*")] == [damaged]


def test_a_lost_line_does_not_bring_a_deletion_forward(tmp_path: Path) -> None:
    """The topic was deleted and made again; the line that made it again is damaged. Its records stay."""
    with _killed(tmp_path) as broker:
        for topic_value in (b"old", b"new"):
            broker.topics.create("topic", 1, {})
            broker.topics.partition("topic", 0).append(batch([topic_value]), NOW_MS)
            if topic_value == b"old":
                broker.delete_topic("topic")
    journal = tmp_path / "state.journal"
    head, _, tail = journal.read_bytes().rpartition(b'"topic"')
    journal.write_bytes(head + b'"topoc"' + tail)
    with pytest.raises(DamagedJournalError):
        _open(tmp_path)
    again = _open(tmp_path, rebuild=True)
    assert _counts(again) == {"topic": [1]}
    again.close()


def test_a_rebuild_lets_readers_past_forgotten_transactions(tmp_path: Path) -> None:
    """Nobody can end a transaction that the lost journal knew of, so it is aborted; its producer id is not reused."""
    with _killed(tmp_path) as broker:
        broker.topics.create("topic", 1, {})
        who = broker.transactions.init_producer("tx", 60_000, (-1, -1), NOW_MS)
        broker.transactions.add_partitions(ProducerClaim("tx", *who), {("topic", 0)}, NOW_MS)
        data = batch([b"x"], producer=who, sequence=0, transactional=True)
        broker.topics.partition("topic", 0).append(data, NOW_MS)
    (tmp_path / "state.journal").unlink()
    again = _open(tmp_path, rebuild=True)
    partition = again.topics.partition("topic", 0)
    assert partition.stable_offset == partition.end_offset == 2
    assert len(partition.producers.aborted_between(0, 1)) == 1
    assert again.producer_ids.new() > who[0]
    again.close()


def test_a_deletion_that_a_crash_interrupted_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal names the deleted topic, so its folder is ours to remove."""
    with _killed(tmp_path) as broker:
        broker.topics.create("topic", 1, {})
        broker.topics.partition("topic", 0).append(batch([b"x"]), NOW_MS)
        with monkeypatch.context() as crashed:
            crashed.setattr(shutil, "rmtree", lambda *_, **__: None)
            broker.delete_topic("topic")
    assert (tmp_path / "topics" / "topic-0").exists()
    again = _open(tmp_path)
    assert not (tmp_path / "topics" / "topic-0").exists()
    again.close()


def test_damaged_records_are_put_aside(tmp_path: Path) -> None:
    """One flipped bit ends what can be read, but the bytes after it are kept beside the log."""
    broker = _open(tmp_path)
    broker.topics.create("topic", 1, {})
    for _ in range(5):
        broker.topics.partition("topic", 0).append(batch([b"x"]), NOW_MS)
    broker.close()
    log = tmp_path / "topics" / "topic-0" / f"{0:020d}.log"
    damaged = bytearray(log.read_bytes())
    size = len(damaged) // 5
    damaged[size + 62] ^= 1
    log.write_bytes(damaged)
    again = _open(tmp_path)
    assert again.topics.partition("topic", 0).end_offset == 1
    assert log.with_name(f"{log.name}.damaged-{size}").read_bytes() == damaged[size:]
    again.close()


def test_a_torn_batch_leaves_no_copy(tmp_path: Path) -> None:
    """Nobody was told that it is stored."""
    _fill(tmp_path)
    log = tmp_path / "topics" / "other-0" / f"{0:020d}.log"
    log.write_bytes(log.read_bytes()[:-3])
    broker = _open(tmp_path)
    assert broker.topics.partition("other", 0).end_offset == 0
    assert [path.name for path in log.parent.iterdir()] == [log.name]
    broker.close()


def test_a_refused_folder_is_free_again(tmp_path: Path) -> None:
    """The lock goes with the refusal: the next try gets the same answer, not "in use"."""
    _fill(tmp_path)
    _overwrite(tmp_path / "state.journal")
    for _ in range(2):
        with pytest.raises(DataDirError) as refused:
            _open(tmp_path)
        assert not isinstance(refused.value, DataDirInUseError)


def test_only_temporary_folders_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder that somebody named like a temporary one stays."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = tmp_path / "sentiment-broker-mine"
    _fill(kept)
    left = tmp_path / "sentiment-broker-left"
    _fill(left)
    (left / ".temporary").touch()
    with temporary_data_dir() as folder:
        assert set(tmp_path.iterdir()) == {kept, folder}


def test_the_command_says_how_to_recover(tmp_path: Path) -> None:
    """Exit code 1 with the flag in the hint; with the flag it serves."""
    _fill(tmp_path)
    _flip_in_first_line(tmp_path / "state.journal")
    refused = run(sentiment("broker", "--port=0", f"--data-dir={tmp_path}"))
    assert refused.returncode == 1
    assert "damaged in line 1" in refused.stderr
    assert "--rebuild-journal" in refused.stderr
    command = sentiment("broker", "--port=0", f"--data-dir={tmp_path}", "--rebuild-journal", "--json")
    process = start(command, {}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["data_dir"] == str(tmp_path)
    process.terminate()
    process.communicate(timeout=WITHIN_S)
    broker = _open(tmp_path)
    assert _counts(broker) == _ALL
    broker.close()
