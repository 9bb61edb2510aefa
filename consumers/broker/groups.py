"""The group coordinator: turns requests of members into changes of their group."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

from consumers.broker.codes import BrokerError, Code
from consumers.broker.entries import Entry
from consumers.broker.group import Group, GroupState
from consumers.broker.group_store import GroupStore
from consumers.broker.journal import Journal
from consumers.broker.member import JoinAnswer, JoinRequest, Member, MemberClaim

MIN_SESSION_TIMEOUT_MS = 500
"""Lower than Apache Kafka's default (6 s), so that tests need not wait."""
MAX_SESSION_TIMEOUT_MS = 30 * 60 * 1000
MAX_BYTES = 64 * 1024 * 1024
"""Of all groups with their members, who stay for their session after their connection is gone."""


class MemberIdRequiredError(BrokerError):
    """The member is asked to join again with this id."""

    def __init__(self, member_id: str) -> None:
        super().__init__(Code.MEMBER_ID_REQUIRED)
        self.member_id = member_id


class Groups:
    """All groups of the broker; times are seconds of one monotonic clock, given by the caller."""

    def __init__(self, journal: Journal) -> None:
        self._store = GroupStore(journal)
        self._groups: dict[str, Group] = {}
        self._n_bytes = 0
        """At the last tick, and what has joined since."""

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def get(self, group_id: str) -> Group | None:
        """None for a group that never had a member."""
        return self._groups.get(group_id)

    def has_members(self, group_id: str) -> bool:
        """Whether anybody is in the group now."""
        group = self._groups.get(group_id)
        return group is not None and bool(group.members)

    async def join(self, request: JoinRequest, now_s: float) -> JoinAnswer:
        """Wait until the next generation begins; raises BrokerError."""
        if not request.group_id:
            raise BrokerError(Code.INVALID_GROUP_ID)
        if not MIN_SESSION_TIMEOUT_MS <= request.session_timeout_ms <= MAX_SESSION_TIMEOUT_MS:
            raise BrokerError(Code.INVALID_SESSION_TIMEOUT)
        self._take(request.n_bytes)
        group = self._groups.get(request.group_id)
        if group is None:
            if request.member_id:
                raise BrokerError(Code.UNKNOWN_MEMBER_ID)
            group = self._groups[request.group_id] = Group(request.group_id)
        if not group.supports(request.protocol_type, request.protocols):
            raise BrokerError(Code.INCONSISTENT_GROUP_PROTOCOL)
        answer = self._admit(group, request, now_s)
        return answer if isinstance(answer, JoinAnswer) else await answer

    def _admit(self, group: Group, request: JoinRequest, now_s: float) -> JoinAnswer | asyncio.Future[JoinAnswer]:
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

    def _enter(self, group: Group, request: JoinRequest, member_id: str, now_s: float) -> asyncio.Future[JoinAnswer]:
        group.protocol_type = request.protocol_type
        member = Member.new(member_id, request, now_s)
        group.add(member)
        return self._wait(group, member, now_s)

    def _rejoin(
        self, group: Group, member: Member, request: JoinRequest, now_s: float
    ) -> JoinAnswer | asyncio.Future[JoinAnswer]:
        changed = member.protocols != request.protocols
        member.update(request, now_s)
        missed_answer = group.state is GroupState.COMPLETING and not changed
        nothing_new = group.state is GroupState.STABLE and not changed and member.member_id != group.leader
        if missed_answer or nothing_new:
            return group.join_answer(member)
        return self._wait(group, member, now_s)

    def _return_static(
        self, group: Group, request: JoinRequest, new_id: str, now_s: float
    ) -> JoinAnswer | asyncio.Future[JoinAnswer]:
        """A static member came back without its member id: same place, same assignment, no rebalance (KIP-345)."""
        old_leader = group.leader or ""
        member = group.replace(group.members[group.instances[request.instance_id or ""]], new_id)
        member.update(request, now_s)
        if group.state is not GroupState.STABLE or group.choose_protocol() != group.protocol_name:
            return self._wait(group, member, now_s)
        self._store.save(group)
        # A client that reads its own id as the leader's assigns anew, so a leader that came back reads its old id.
        return replace(group.join_answer(member), leader=old_leader, members=[])

    def _wait(self, group: Group, member: Member, now_s: float) -> asyncio.Future[JoinAnswer]:
        member.refuse(Code.REBALANCE_IN_PROGRESS)  # an earlier request of the same member whose connection was lost
        future = member.joining = asyncio.get_running_loop().create_future()
        group.prepare_rebalance(now_s)
        self._store.save_if_emptied(group)
        return future

    async def sync(
        self,
        group_id: str,
        claim: MemberClaim,
        protocol: tuple[str | None, str | None],
        assignments: dict[str, bytes],
        now_s: float,
    ) -> tuple[Group, bytes]:
        """Wait for the leader's assignment; returns this member's share. Raises BrokerError.

        `protocol` is the (type, name) that the member believes to be chosen, None if it does not say;
        `assignments` are the leader's, by member id.
        """
        group, member = self._claimed(group_id, claim)
        if protocol[0] not in (None, group.protocol_type) or protocol[1] not in (None, group.protocol_name):
            raise BrokerError(Code.INCONSISTENT_GROUP_PROTOCOL)
        if group.state is GroupState.PREPARING:
            raise BrokerError(Code.REBALANCE_IN_PROGRESS)
        member.seen_s = now_s
        if group.state is GroupState.COMPLETING:
            if member.member_id != group.leader:
                member.refuse(Code.REBALANCE_IN_PROGRESS)  # an earlier request whose connection was lost
                future = member.syncing = asyncio.get_running_loop().create_future()
                return group, await future
            self._take(sum(map(len, assignments.values())))
            group.assign(assignments, now_s)
            self._store.save(group)
        return group, member.assignment

    def heartbeat(self, group_id: str, claim: MemberClaim, now_s: float) -> None:
        """Raises BrokerError, in particular REBALANCE_IN_PROGRESS."""
        group, member = self._claimed(group_id, claim)
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
        self._store.save_if_emptied(group)

    def check_commit(self, group_id: str, claim: MemberClaim, *, transactional: bool) -> None:
        """Whether offsets may be committed by this member; anybody may for a group without members.

        Raises BrokerError; the rules are those of Apache Kafka's group coordinator.
        """
        group = self._groups.get(group_id)
        if group is None:
            if claim.generation >= 0:
                raise BrokerError(Code.ILLEGAL_GENERATION)
            return
        if claim.generation < 0 and group.state is GroupState.EMPTY:
            return
        if claim.generation >= 0 or claim.member_id or claim.instance_id is not None:
            group.check(claim)
        elif not transactional and group.state is not GroupState.EMPTY:
            raise BrokerError(Code.UNKNOWN_MEMBER_ID)
        if not transactional and group.state is GroupState.COMPLETING:
            raise BrokerError(Code.REBALANCE_IN_PROGRESS)

    def seen(self, group_id: str, member_id: str, now_s: float) -> None:
        """Note that a member is alive: any of its requests shows it."""
        group = self._groups.get(group_id)
        if group is not None and member_id in group.members:
            group.members[member_id].seen_s = now_s

    def delete(self, group_id: str) -> None:
        """Forget a group; its offsets go with the same journal entry. Raises BrokerError for one with members."""
        if self.has_members(group_id):
            raise BrokerError(Code.NON_EMPTY_GROUP)
        self._store.delete(group_id)
        self._groups.pop(group_id, None)

    def forget_unused(self, is_in_use: Callable[[str], bool]) -> None:
        """Forget groups without members unless `is_in_use` says that they have offsets, as Apache Kafka does."""
        for group in self:
            if not group.members and not group.pending and not is_in_use(group.group_id):
                self.delete(group.group_id)

    def tick(self, now_s: float) -> None:
        """End sessions and rebalances whose time is up."""
        for group in self:
            group.expire(now_s)
            self._store.save_if_emptied(group)
        self._n_bytes = sum(group.n_bytes for group in self)

    def _take(self, n_bytes: int) -> None:
        if self._n_bytes + n_bytes > MAX_BYTES:
            raise BrokerError(Code.GROUP_MAX_SIZE_REACHED)
        self._n_bytes += n_bytes

    def _claimed(self, group_id: str, claim: MemberClaim) -> tuple[Group, Member]:
        group = self._groups.get(group_id)
        if group is None:
            raise BrokerError(Code.UNKNOWN_MEMBER_ID)
        return group, group.check(claim)

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect; entries of other kinds change nothing."""
        self._store.apply(entry)

    def recover(self, now_s: float) -> None:
        """Take the groups over that the journal named."""
        self._groups = {group.group_id: group for group in self._store.restored(now_s)}

    def entries(self) -> Iterator[Entry]:
        """Entries that describe the present state."""
        return self._store.entries()
