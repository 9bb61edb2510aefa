"""Everything but the records: a journal that survives a torn end, and decisions that survive a crash."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError
from consumers.broker.data_dir import DataDirInUseError
from consumers.broker.durability import Flusher, FsyncPolicy
from consumers.broker.entries import Entry, Offset, OffsetsCommitted
from consumers.broker.groups import MemberIdRequiredError
from consumers.broker.journal import Journal
from consumers.broker.member import JoinRequest
from consumers.broker.offsets import Offsets
from consumers.broker.transactions import ProducerClaim
from tests.consumers.broker.build import NOW_MS, batch, reopened_after_crash


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker without a socket, with one topic."""
    running = Broker(tmp_path / "data", FsyncPolicy.NEVER)
    running.topics.create("topic", 1, {})
    yield running
    running.close()


def _open_journal(path: Path) -> tuple[Journal, list[Entry]]:
    journal = Journal(path, Flusher(FsyncPolicy.NEVER))
    return journal, list(journal.read())


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 8), data=st.data())
def test_a_torn_journal_leaves_a_prefix(count: int, data: st.DataObject) -> None:
    """Cut off at any byte, it keeps the lines before, and can be written again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        journal, _ = _open_journal(path)
        entries: list[Entry] = [OffsetsCommitted("group", [Offset("topic", 0, number)]) for number in range(count)]
        for entry in entries:
            journal.write(entry)
        journal.close()
        content = path.read_bytes()
        cut = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:cut] + data.draw(st.sampled_from([b"", b"\0" * 20])))
        journal, kept = _open_journal(path)
        assert kept == entries[: len(kept)]
        assert len(kept) >= content[:cut].count(b"\n")
        journal.write(entries[0])
        journal.close()
        assert _open_journal(path)[1] == [*kept, entries[0]]


def test_the_journal_is_rewritten_when_most_of_it_is_out_of_date(tmp_path: Path) -> None:
    """It stays small however often a group commits, and describes the same state."""
    journal, _ = _open_journal(tmp_path / "journal")
    offsets = Offsets(journal)
    for number in range(30_000):
        offsets.commit("group", [Offset("topic", 0, number, metadata="x" * 20)])
        if journal.due:
            journal.rewrite(offsets.entries())
    journal.close()
    assert (tmp_path / "journal").stat().st_size < 1_200_000
    again, entries = _open_journal(tmp_path / "journal")
    restored = Offsets(again)
    for entry in entries:
        restored.apply(entry)
    assert restored.of_group("group")["topic", 0].offset == 29_999


def _begin(broker: Broker) -> ProducerClaim:
    """A transaction with one record and one group offset in it."""
    who = broker.transactions.init_producer("tx", 60_000, (-1, -1), NOW_MS)
    claim = ProducerClaim("tx", *who)
    broker.transactions.add_partitions(claim, {("topic", 0)}, NOW_MS)
    broker.topics.partition("topic", 0).append(batch([b"x"], producer=who, sequence=0, transactional=True), NOW_MS)
    broker.transactions.add_group(claim, "group", NOW_MS)
    broker.transactions.hold_offsets(who[0], "group", [Offset("topic", 0, 7)])
    return claim


@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("markers_written", [True, False])
def test_a_decision_is_carried_out_after_a_crash(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit: bool, markers_written: bool
) -> None:
    """A crash between the decision and the last step changes nothing: the transaction ends as decided."""
    claim = _begin(broker)
    write = os.write

    def crash_at_the_last_step(fd: int, data: bytes) -> int:
        if b'"transaction-completed"' in bytes(data):
            raise OSError("crash")
        return write(fd, data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", crash_at_the_last_step)
        if not markers_written:
            patched.setattr(broker.topics.partition("topic", 0), "end_transaction", _crash)
        with pytest.raises(OSError, match="crash"):
            broker.transactions.end(claim, commit=commit, now_ms=NOW_MS)
    again = reopened_after_crash(broker, tmp_path / "copy")
    partition = again.topics.partition("topic", 0)
    assert partition.stable_offset == partition.end_offset == 2
    assert bool(partition.producers.aborted_between(0, 1)) is not commit
    assert again.offsets.of_group("group") == ({("topic", 0): Offset("topic", 0, 7)} if commit else {})
    again.transactions.end(claim, commit=commit, now_ms=NOW_MS)  # the client asks again, and is told the same
    with pytest.raises(BrokerError):
        again.transactions.end(claim, commit=not commit, now_ms=NOW_MS)
    again.close()


def _crash(*_: object, **__: object) -> None:
    raise OSError("crash")


def test_an_open_transaction_survives_and_times_out(broker: Broker, tmp_path: Path) -> None:
    """After a crash it is open as before, holds readers back, and is aborted when its time is up."""
    claim = _begin(broker)
    again = reopened_after_crash(broker, tmp_path / "copy")
    partition = again.topics.partition("topic", 0)
    assert partition.stable_offset == 0
    again.transactions.tick(NOW_MS + 59_000)
    assert partition.stable_offset == 0
    again.transactions.tick(NOW_MS + 61_000)
    assert partition.stable_offset == 2
    assert again.offsets.of_group("group") == {}
    with pytest.raises(BrokerError, match="newer producer"):
        again.transactions.end(claim, commit=True, now_ms=NOW_MS)
    again.close()


def test_producer_ids_are_not_given_again_after_a_crash(broker: Broker, tmp_path: Path) -> None:
    """Ids are reserved before they are given out."""
    given_out = {broker.producer_ids.new() for _ in range(1500)}
    again = reopened_after_crash(broker, tmp_path / "copy")
    assert again.producer_ids.new() > max(given_out)
    again.close()


def test_epochs_do_not_run_out(broker: Broker) -> None:
    """At the last epoch the transactional id gets a new producer id."""
    first = broker.transactions.init_producer("tx", 60_000, (-1, -1), NOW_MS)
    for _ in range(0x7FFF - 1):
        last = broker.transactions.init_producer("tx", 60_000, (-1, -1), NOW_MS)
    assert last == (first[0], 0x7FFF - 1)
    after = broker.transactions.init_producer("tx", 60_000, (-1, -1), NOW_MS)
    assert after[0] != first[0]
    assert after[1] == 0


def test_idle_transactional_ids_are_forgotten(broker: Broker) -> None:
    """After a week without use."""
    broker.transactions.init_producer("tx", 60_000, (-1, -1), NOW_MS)
    broker.transactions.tick(NOW_MS + 7 * 24 * 3600 * 1000)
    assert broker.transactions.get("tx") is not None
    broker.transactions.tick(NOW_MS + 7 * 24 * 3600 * 1000 + 1)
    assert broker.transactions.get("tx") is None


def test_a_folder_has_one_broker(broker: Broker) -> None:
    """A second one is refused."""
    with pytest.raises(DataDirInUseError):
        Broker(broker.data_dir, FsyncPolicy.NEVER)


def test_offsets_go_with_their_topic_and_group(broker: Broker, tmp_path: Path) -> None:
    """Deleting a topic or a group deletes its offsets, also after a restart."""
    broker.topics.create("other", 1, {})
    for group in ("one", "two"):
        broker.offsets.commit(group, [Offset("topic", 0, 1), Offset("other", 0, 2)])
    broker.delete_topic("topic")
    broker.delete_group("two")
    for each in (broker, reopened_after_crash(broker, tmp_path / "copy")):
        assert list(each.offsets.groups()) == ["one"]
        assert each.offsets.of_group("one") == {("other", 0): Offset("other", 0, 2)}
        assert not (each.data_dir / "topics" / "topic-0").exists()


def test_deleted_records_stay_deleted(broker: Broker, tmp_path: Path) -> None:
    """The start of the log survives a crash."""
    partition = broker.topics.partition("topic", 0)
    for _ in range(5):
        partition.append(batch([b"x"]), NOW_MS)
    broker.topics.delete_records(partition, 3)
    again = reopened_after_crash(broker, tmp_path / "copy")
    assert again.topics.partition("topic", 0).start_offset == 3
    again.close()


def test_groups_that_nobody_uses_are_forgotten(broker: Broker) -> None:
    """A thousand made-up names leave nothing behind; a group with offsets, or with somebody about to join, stays."""

    def ask_to_join(name: str, session_timeout_ms: int) -> None:
        request = JoinRequest(
            group_id=name,
            member_id="",
            instance_id=None,
            client_id="client",
            client_host="/127.0.0.1",
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=1_000,
            protocol_type="consumer",
            protocols=[("range", b"")],
            needs_member_id=True,
        )
        with pytest.raises(MemberIdRequiredError):
            asyncio.run(broker.groups.join(request, 0.0))

    for number in range(1_000):
        ask_to_join(f"made-up-{number}", 1_000)
    ask_to_join("with-offsets", 1_000)
    ask_to_join("about-to-join", 60_000)
    broker.offsets.commit("with-offsets", [Offset("topic", 0, 5)])
    broker.groups.tick(30.0)
    broker.groups.forget_unused(broker.offsets.is_in_use)
    assert {group.group_id for group in broker.groups} == {"with-offsets", "about-to-join"}
    assert broker.offsets.of_group("with-offsets") != {}
