"""The group coordinator: requests of members, turned into changes of their group."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

from consumers.broker.codes import BrokerError, Code
from consumers.broker.entries import Entry, GroupDeleted, GroupStored, StoredMember
from consumers.broker.group import Group, GroupState, Joined, Member
from consumers.broker.journal import Journal

MIN_SESSION_TIMEOUT_MS = 500
"""Lower than Apache Kafka's default (6 s), so that tests need not wait."""
MAX_SESSION_TIMEOUT_MS = 30 * 60 * 1000


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a consumer says when it joins."""

    group_id: str
    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: list[tuple[str, bytes]]
    needs_member_id: bool
    """Whether a new member first gets an id to join with (KIP-394)."""


class MemberIdRequiredError(BrokerError):
    """The member is asked to join again with this id."""

    def __init__(self, member_id: str) -> None:
        super().__init__(Code.MEMBER_ID_REQUIRED)
        self.member_id = member_id


class Groups:
    """Members survive a restart of the broker: what a rebalance ended with is in the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._groups: dict[str, Group] = {}
        self._stored: dict[str, GroupStored] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def get(self, group_id: str) -> Group | None:
        """None for a group that never had a member."""
        return self._groups.get(group_id)

    def has_members(self, group_id: str) -> bool:
        """Whether anybody is in the group now."""
        group = self._groups.get(group_id)
        return group is not None and bool(group.members)

    async def join(self, request: JoinRequest, now_s: float) -> Joined:
        """Wait until the next generation begins; raises BrokerError."""
        if not request.group_id:
            raise BrokerError(Code.INVALID_GROUP_ID)
        if not MIN_SESSION_TIMEOUT_MS <= request.session_timeout_ms <= MAX_SESSION_TIMEOUT_MS:
            raise BrokerError(Code.INVALID_SESSION_TIMEOUT)
        group = self._groups.get(request.group_id)
        if group is None:
            if request.member_id:
                raise BrokerError(Code.UNKNOWN_MEMBER_ID)
            group = self._groups[request.group_id] = Group(request.group_id)
        if not group.supports(request.protocol_type, request.protocols):
            raise BrokerError(Code.INCONSISTENT_GROUP_PROTOCOL)
        answer = self._admit(group, request, now_s)
        return answer if isinstance(answer, Joined) else await answer

    def _admit(self, group: Group, request: JoinRequest, now_s: float) -> Joined | asyncio.Future[Joined]:
        if request.member_id:
            if request.member_id in group.pending and request.instance_id is None:
                return self._enter(group, request, request.member_id, now_s)
            member = group.check_member(request.member_id, request.instance_id)
            return self._rejoin(group, member, request, now_s)
        new_id = f"{request.instance_id or request.client_id}-{uuid.uuid4()}"
        if request.instance_id is not None and request.instance_id in group.instances:
            return self._return_static(group, request, new_id, now_s)
        if request.instance_id is None and request.needs_member_id:
            group.pending[new_id] = now_s + request.session_timeout_ms / 1000
            raise MemberIdRequiredError(new_id)
        return self._enter(group, request, new_id, now_s)

    def _enter(self, group: Group, request: JoinRequest, member_id: str, now_s: float) -> asyncio.Future[Joined]:
        group.protocol_type = request.protocol_type
        member = Member(
            member_id, request.instance_id, request.client_id, request.client_host, 0.0, 0.0, request.protocols, now_s
        )
        _update(member, request, now_s)
        group.add(member)
        return self._wait(group, member, now_s)

    def _rejoin(
        self, group: Group, member: Member, request: JoinRequest, now_s: float
    ) -> Joined | asyncio.Future[Joined]:
        changed = member.protocols != request.protocols
        _update(member, request, now_s)
        missed_answer = group.state is GroupState.COMPLETING and not changed
        nothing_new = group.state is GroupState.STABLE and not changed and member.member_id != group.leader
        if missed_answer or nothing_new:
            return group.join_answer(member)
        return self._wait(group, member, now_s)

    def _return_static(
        self, group: Group, request: JoinRequest, new_id: str, now_s: float
    ) -> Joined | asyncio.Future[Joined]:
        """A static member came back without its member id: same place, same assignment, no rebalance (KIP-345)."""
        old_leader = group.leader or ""
        member = group.replace(group.members[group.instances[request.instance_id or ""]], new_id)
        _update(member, request, now_s)
        if group.state is not GroupState.STABLE or group.choose_protocol() != group.protocol_name:
            return self._wait(group, member, now_s)
        self._store(group)
        # A client that reads its own id as the leader's assigns anew, so a leader that came back reads its old id.
        return replace(group.join_answer(member), leader=old_leader, members=[])

    def _wait(self, group: Group, member: Member, now_s: float) -> asyncio.Future[Joined]:
        member.refuse(Code.REBALANCE_IN_PROGRESS)  # an earlier request of the same member whose connection was lost
        future = member.joining = asyncio.get_running_loop().create_future()
        group.prepare_rebalance(now_s)
        self._store_if_empty(group)
        return future

    async def sync(
        self,
        group_id: str,
        member_id: str,
        generation: int,
        instance_id: str | None,
        protocol: tuple[str | None, str | None],
        assignments: dict[str, bytes],
        now_s: float,
    ) -> tuple[Group, bytes]:
        """Wait for the leader's assignment; returns this member's share. Raises BrokerError."""
        group, member = self._member(group_id, member_id, instance_id)
        group.check_generation(generation)
        if protocol[0] not in (None, group.protocol_type) or protocol[1] not in (None, group.protocol_name):
            raise BrokerError(Code.INCONSISTENT_GROUP_PROTOCOL)
        if group.state is GroupState.PREPARING:
            raise BrokerError(Code.REBALANCE_IN_PROGRESS)
        member.seen_s = now_s
        if group.state is GroupState.COMPLETING:
            if member_id != group.leader:
                member.refuse(Code.REBALANCE_IN_PROGRESS)  # an earlier request whose connection was lost
                future = member.syncing = asyncio.get_running_loop().create_future()
                return group, await future
            group.assign(assignments, now_s)
            self._store(group)
        return group, member.assignment

    def heartbeat(self, group_id: str, member_id: str, generation: int, instance_id: str | None, now_s: float) -> None:
        """Raises BrokerError, in particular REBALANCE_IN_PROGRESS."""
        group, member = self._member(group_id, member_id, instance_id)
        group.check_generation(generation)
        member.seen_s = now_s
        if group.state is GroupState.PREPARING:
            raise BrokerError(Code.REBALANCE_IN_PROGRESS)

    def leave(self, group_id: str, member_id: str, instance_id: str | None, now_s: float) -> None:
        """Take a member out, named by its id, its instance id, or both; raises BrokerError."""
        group = self._groups.get(group_id)
        if group is None:
            raise BrokerError(Code.UNKNOWN_MEMBER_ID)
        if group.pending.pop(member_id, None) is not None:
            return
        if instance_id is not None and not member_id:
            member_id = group.instances.get(instance_id, "")
        group.remove(group.check_member(member_id, instance_id))
        group.prepare_rebalance(now_s)
        self._store_if_empty(group)

    def check_commit(
        self, group_id: str, member_id: str, generation: int, instance_id: str | None, *, transactional: bool
    ) -> None:
        """Whether offsets may be committed by this member; anybody may for a group without members.

        Raises BrokerError; the rules are those of Apache Kafka's group coordinator.
        """
        group = self._groups.get(group_id)
        if group is None:
            if generation >= 0:
                raise BrokerError(Code.ILLEGAL_GENERATION)
            return
        if generation < 0 and group.state is GroupState.EMPTY:
            return
        if generation >= 0 or member_id or instance_id is not None:
            group.check_member(member_id, instance_id)
            group.check_generation(generation)
        elif not transactional and group.state is not GroupState.EMPTY:
            raise BrokerError(Code.UNKNOWN_MEMBER_ID)
        if not transactional and group.state is GroupState.COMPLETING:
            raise BrokerError(Code.REBALANCE_IN_PROGRESS)

    def seen(self, group_id: str, member_id: str, now_s: float) -> None:
        """Any request of a member shows that it lives."""
        group = self._groups.get(group_id)
        if group is not None and member_id in group.members:
            group.members[member_id].seen_s = now_s

    def delete(self, group_id: str) -> None:
        """Forget an empty group; its offsets go with the same journal entry."""
        if self.has_members(group_id):
            raise BrokerError(Code.NON_EMPTY_GROUP)
        self._change(GroupDeleted(group_id))

    def tick(self, now_s: float) -> None:
        """End sessions and rebalances whose time is up."""
        for group in self:
            group.expire(now_s)
            self._store_if_empty(group)

    def _member(self, group_id: str, member_id: str, instance_id: str | None) -> tuple[Group, Member]:
        group = self._groups.get(group_id)
        if group is None:
            raise BrokerError(Code.UNKNOWN_MEMBER_ID)
        return group, group.check_member(member_id, instance_id)

    def _store_if_empty(self, group: Group) -> None:
        stored = self._stored.get(group.group_id)
        if group.state is GroupState.EMPTY and stored is not None and stored.members:
            self._store(group)

    def _store(self, group: Group) -> None:
        members = [
            StoredMember(
                member.member_id,
                member.instance_id,
                member.client_id,
                member.client_host,
                member.session_timeout_s,
                member.rebalance_timeout_s,
                member.protocols,
                member.assignment,
            )
            for member in group.members.values()
        ]
        entry = GroupStored(
            group.group_id, group.generation, group.protocol_type, group.protocol_name, group.leader, members
        )
        self._journal.write(entry)
        self._stored[group.group_id] = entry

    def _change(self, entry: Entry) -> None:
        self._journal.write(entry)
        self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect; entries of other kinds are nothing to it."""
        match entry:
            case GroupStored():
                self._stored[entry.group] = entry
            case GroupDeleted():
                self._stored.pop(entry.group, None)
                self._groups.pop(entry.group, None)

    def recover(self, now_s: float) -> None:
        """Members have their whole session timeout, from now, to find the broker again."""
        for entry in self._stored.values():
            group = Group(entry.group, generation=entry.generation, protocol_type=entry.protocol_type)
            for stored in entry.members:
                group.add(
                    Member(
                        stored.member_id,
                        stored.instance_id,
                        stored.client_id,
                        stored.client_host,
                        stored.session_timeout_s,
                        stored.rebalance_timeout_s,
                        list(stored.protocols),
                        now_s,
                        stored.assignment,
                    )
                )
            if entry.members:
                group.state, group.protocol_name, group.leader = GroupState.STABLE, entry.protocol_name, entry.leader
            self._groups[entry.group] = group

    def entries(self) -> Iterator[Entry]:
        """Entries that say what there is."""
        yield from self._stored.values()


def _update(member: Member, request: JoinRequest, now_s: float) -> None:
    member.session_timeout_s = request.session_timeout_ms / 1000
    member.rebalance_timeout_s = max(request.rebalance_timeout_ms, 1) / 1000
    member.protocols = request.protocols
    member.client_id, member.client_host = request.client_id, request.client_host
    member.seen_s = now_s
