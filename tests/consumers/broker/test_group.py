"""The state machine of one group. Time is a number that the tests choose."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from consumers.broker.codes import BrokerError, Code
from consumers.broker.durability import Flusher, FsyncPolicy
from consumers.broker.group import GroupState
from consumers.broker.groups import Groups
from consumers.broker.journal import Journal
from consumers.broker.member import JoinAnswer, JoinRequest, MemberClaim


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    """A coordinator with a journal of its own."""
    journal = Journal(tmp_path / "journal", Flusher(FsyncPolicy.NEVER))
    assert list(journal.read()) == []
    return Groups(journal)


def _join(
    groups: Groups,
    now_s: float,
    member_id: str = "",
    *,
    instance_id: str | None = None,
    protocols: tuple[str, ...] = ("range",),
    group: str = "group",
) -> asyncio.Task[JoinAnswer]:
    request = JoinRequest(
        group,
        member_id,
        instance_id,
        "client",
        "/127.0.0.1",
        session_timeout_ms=10_000,
        rebalance_timeout_ms=30_000,
        protocol_type="consumer",
        protocols=[(name, name.encode()) for name in protocols],
        needs_member_id=False,
    )
    return asyncio.create_task(groups.join(request, now_s))


def _claim(joined: JoinAnswer, instance_id: str | None = None) -> MemberClaim:
    return MemberClaim(joined.member_id, joined.generation, instance_id)


async def _sync(groups: Groups, joined: JoinAnswer, now_s: float, instance_id: str | None = None) -> None:
    await groups.sync("group", _claim(joined, instance_id), (None, None), {}, now_s)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)  # let the others run; no time passes


def test_a_member_whose_connection_is_lost_while_it_joins_is_dropped(groups: Groups) -> None:
    """It has its session to come back; then the group goes on without it."""

    async def play() -> None:
        first = await _join(groups, 0)
        await _sync(groups, first, 0)
        lost = _join(groups, 1)
        await _settle()
        lost.cancel()
        await _settle()
        with pytest.raises(BrokerError, match="REBALANCE_IN_PROGRESS"):
            groups.heartbeat("group", _claim(first), 9)
        groups.tick(12)
        again = await _join(groups, 12, first.member_id)
        assert [member_id for member_id, _, _ in again.members] == [first.member_id]

    asyncio.run(play())


def test_a_member_whose_connection_is_lost_while_it_syncs_is_dropped(groups: Groups) -> None:
    """It does not count as alive because it waits for the leader."""

    async def play() -> None:
        leader = await _join(groups, 0)
        joining = _join(groups, 0)
        await _settle()
        again = await _join(groups, 0, leader.member_id)
        follower = await joining
        lost = asyncio.create_task(_sync(groups, follower, 0))
        await _settle()
        lost.cancel()
        await _settle()
        groups.heartbeat("group", _claim(again), 9)
        groups.tick(11)
        with pytest.raises(BrokerError) as told:
            groups.heartbeat("group", _claim(follower), 11)
        assert told.value.code is Code.UNKNOWN_MEMBER_ID

    asyncio.run(play())


def test_a_member_that_does_not_join_again_is_dropped_in_time(groups: Groups) -> None:
    """The others wait for it no longer than the rebalance timeout, though it sends heartbeats."""

    async def play() -> None:
        first = await _join(groups, 0)
        await _sync(groups, first, 0)
        second = _join(groups, 1)
        await _settle()
        for now_s in range(1, 31, 5):
            with pytest.raises(BrokerError) as told:
                groups.heartbeat("group", _claim(first), now_s)
            assert told.value.code is Code.REBALANCE_IN_PROGRESS
            groups.tick(now_s)
            await _settle()
            assert not second.done()
        groups.tick(31)
        joined = await second
        assert [member_id for member_id, _, _ in joined.members] == [joined.member_id]

    asyncio.run(play())


def test_a_static_member_stays_while_its_session_lasts(groups: Groups) -> None:
    """It need not take part in a rebalance to keep its place."""

    async def play() -> None:
        static = await _join(groups, 0, instance_id="one")
        await _sync(groups, static, 0, "one")
        other = _join(groups, 1)
        await _settle()
        groups.seen("group", static.member_id, 30)
        groups.tick(31)
        joined = await other
        assert {instance for _, instance, _ in joined.members} == {"one", None}
        group = groups.get("group")
        assert group is not None
        await _sync(groups, joined, 31)
        groups.seen("group", joined.member_id, 50)
        groups.tick(50)
        assert group.state is GroupState.PREPARING
        assert set(group.members) == {joined.member_id}

    asyncio.run(play())


def test_a_leader_that_never_assigns_is_replaced(groups: Groups) -> None:
    """Members that wait for its assignment are told to join again, and one of them leads."""

    async def play() -> None:
        first = _join(groups, 0)
        await _settle()
        leader = await first
        second = _join(groups, 1)
        again = _join(groups, 1, leader.member_id)
        joined = await second
        assert (await again).leader == leader.member_id
        waiting = asyncio.create_task(_sync(groups, joined, 1))
        await _settle()
        groups.tick(12)  # the leader's session of 10 s is over
        with pytest.raises(BrokerError) as told:
            await waiting
        assert told.value.code is Code.REBALANCE_IN_PROGRESS
        assert (await _join(groups, 12, joined.member_id)).leader == joined.member_id

    asyncio.run(play())


def test_members_vote_for_a_protocol_that_all_know(groups: Groups) -> None:
    """Each for the first of its own that the others support; the majority decides."""

    async def play() -> None:
        first = _join(groups, 0, protocols=("range", "sticky", "odd"))
        await _settle()
        member_id = (await first).member_id
        rest = [_join(groups, 1, protocols=("sticky", "range")) for _ in range(2)]
        again = _join(groups, 1, member_id, protocols=("range", "sticky", "odd"))
        await _settle()
        assert {task.result().protocol_name for task in [again, *rest]} == {"sticky"}
        with pytest.raises(BrokerError) as refused:
            await _join(groups, 2, protocols=("odd",))
        assert refused.value.code is Code.INCONSISTENT_GROUP_PROTOCOL

    asyncio.run(play())


def test_a_join_sent_twice_is_answered_once(groups: Groups) -> None:
    """A member whose connection broke asks again: the old request ends, the new one gets the answer."""

    async def play() -> None:
        first = await _join(groups, 0)
        await _sync(groups, first, 0)
        second = _join(groups, 1)
        await _settle()
        lost = _join(groups, 1, first.member_id)
        third = _join(groups, 1)
        await _settle()
        assert second.done()
        assert lost.done()
        assert not third.done()
        old, new = _join(groups, 2, first.member_id), _join(groups, 2, first.member_id)
        await _settle()
        with pytest.raises(BrokerError):
            await old
        assert not new.done()
        groups.tick(40)
        assert (await new).generation == (await third).generation

    asyncio.run(play())


def test_an_empty_group_is_stored_as_empty(groups: Groups, tmp_path: Path) -> None:
    """After the last member has left, a restart does not bring it back."""

    async def play() -> None:
        joined = await _join(groups, 0)
        await _sync(groups, joined, 0)
        groups.leave("group", joined.member_id, None, 1)

    asyncio.run(play())
    journal = Journal(tmp_path / "journal", Flusher(FsyncPolicy.NEVER))
    again = Groups(journal)
    for entry in journal.read():
        again.apply(entry)
    again.recover(0)
    group = again.get("group")
    assert group is not None
    assert (group.state, group.members) == (GroupState.EMPTY, {})


def test_members_of_all_groups_have_a_bound(groups: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes too late is refused, and may join when the sessions of the others have ended."""
    monkeypatch.setattr("consumers.broker.groups.MAX_BYTES", 100_000)

    async def play() -> None:
        names = [f"group-{number}" for number in range(100)]
        await asyncio.gather(*(_join(groups, 0, group=name) for name in names), return_exceptions=True)
        groups.tick(0)
        assert 30 < sum(groups.has_members(name) for name in names) < 100
        with pytest.raises(BrokerError) as told:
            await _join(groups, 0)
        assert told.value.code is Code.GROUP_MAX_SIZE_REACHED
        groups.tick(11)
        groups.forget_unused(lambda _: False)
        groups.tick(11)
        assert (await _join(groups, 11)).generation == 1

    asyncio.run(play())


def test_assignments_count_for_the_bound(groups: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    """The leader's are refused as a whole, and it may hand in smaller ones."""
    monkeypatch.setattr("consumers.broker.groups.MAX_BYTES", 100_000)

    async def play() -> None:
        claim = _claim(await _join(groups, 0))
        with pytest.raises(BrokerError) as told:
            await groups.sync("group", claim, (None, None), {claim.member_id: bytes(100_000)}, 0)
        assert told.value.code is Code.GROUP_MAX_SIZE_REACHED
        _, share = await groups.sync("group", claim, (None, None), {claim.member_id: b"share"}, 0)
        assert share == b"share"

    asyncio.run(play())
