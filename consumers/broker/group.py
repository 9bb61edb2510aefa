"""One consumer group of the classic protocol: its members, and the rebalance that brings all to one generation.

    Empty ──join──► PreparingRebalance ──all joined, or time is up──► CompletingRebalance ──leader's sync──► Stable
                          ▲    (a join, a leave, an expired session start it again from every later state)    │
                          └───────────────────────────────────────────────────────────────────────────────────┘

Times are seconds of one monotonic clock, given by the caller. A request that has to wait for others is a future, which
the group resolves.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from consumers.broker.codes import BrokerError, Code
from consumers.broker.member import JoinAnswer, Member, MemberClaim

_GROUP_BYTES, _PENDING_BYTES = 1_000, 300


class GroupState(StrEnum):
    """Names as Apache Kafka's tools show them."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


@dataclass(slots=True)
class Group:
    """`pending` maps member ids that were handed out, and not used yet, to the time at which they lapse.

    `instances` maps the instance ids of static members to their member ids.
    """

    group_id: str
    state: GroupState = GroupState.EMPTY
    generation: int = 0
    protocol_type: str = ""
    protocol_name: str | None = None
    leader: str | None = None
    members: dict[str, Member] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    pending: dict[str, float] = field(default_factory=dict)
    rebalance_deadline_s: float = 0.0

    @property
    def n_bytes(self) -> int:
        """About what it takes in memory."""
        members = sum(member.n_bytes + len(member.assignment) for member in self.members.values())
        return _GROUP_BYTES + _PENDING_BYTES * len(self.pending) + members

    def supports(self, protocol_type: str, protocols: list[tuple[str, bytes]]) -> bool:
        """Whether a member with these protocols can be in the group beside the others."""
        if not self.members:
            return bool(protocols)
        common = self._common_protocols()
        return protocol_type == self.protocol_type and any(name in common for name, _ in protocols)

    def _common_protocols(self) -> set[str]:
        return set.intersection(*({name for name, _ in member.protocols} for member in self.members.values()))

    def choose_protocol(self) -> str:
        """Each member votes for the first of its protocols that all support."""
        common = self._common_protocols()
        votes = Counter(
            next(name for name, _ in member.protocols if name in common) for member in self.members.values()
        )
        return votes.most_common(1)[0][0]

    def check_member(self, member_id: str, instance_id: str | None) -> Member:
        """Raises BrokerError for a member that is unknown, or was replaced by another of the same instance id."""
        if instance_id is not None:
            holder = self.instances.get(instance_id)
            if holder is None:
                raise BrokerError(Code.UNKNOWN_MEMBER_ID)
            if holder != member_id:
                raise BrokerError(Code.FENCED_INSTANCE_ID)
        member = self.members.get(member_id)
        if member is None:
            raise BrokerError(Code.UNKNOWN_MEMBER_ID)
        return member

    def check(self, claim: MemberClaim) -> Member:
        """Raises what `check_member` raises, and BrokerError(ILLEGAL_GENERATION)."""
        member = self.check_member(claim.member_id, claim.instance_id)
        if claim.generation != self.generation:
            raise BrokerError(Code.ILLEGAL_GENERATION)
        return member

    def add(self, member: Member) -> None:
        """Take a new member in; the first one leads."""
        self.pending.pop(member.member_id, None)
        self.members[member.member_id] = member
        if member.instance_id is not None:
            self.instances[member.instance_id] = member.member_id
        if self.leader is None:
            self.leader = member.member_id

    def replace(self, old: Member, new_id: str) -> Member:
        """Give a static member that came back its new id, and refuse what the old id still waits for."""
        old.refuse(Code.FENCED_INSTANCE_ID)
        led = self.leader == old.member_id
        # In the same place, so that assignors that go by the order see no change.
        self.members = {(new_id if key == old.member_id else key): value for key, value in self.members.items()}
        old.member_id = new_id
        if old.instance_id is not None:
            self.instances[old.instance_id] = new_id
        if led:
            self.leader = new_id
        return old

    def remove(self, member: Member) -> None:
        """Drop a member; the caller starts the rebalance."""
        member.refuse(Code.UNKNOWN_MEMBER_ID)
        self.members.pop(member.member_id, None)
        if member.instance_id is not None and self.instances.get(member.instance_id) == member.member_id:
            del self.instances[member.instance_id]
        if self.leader == member.member_id:
            self.leader = next(iter(self.members), None)

    def join_answer(self, member: Member) -> JoinAnswer:
        """What a member of the current generation is told."""
        leads = member.member_id == self.leader
        name = self.protocol_name
        everybody = [(each.member_id, each.instance_id, each.metadata(name)) for each in self.members.values()]
        return JoinAnswer(
            self.generation,
            self.protocol_type,
            name or "",
            self.leader or "",
            member.member_id,
            everybody if leads else [],
        )

    def prepare_rebalance(self, now_s: float) -> None:
        """Ask all members to join again, and go on at once if they already have."""
        if self.state is not GroupState.PREPARING:
            self.state = GroupState.PREPARING
            self.rebalance_deadline_s = now_s + self._longest_rebalance_s()
            for member in self.members.values():
                member.refuse_sync(Code.REBALANCE_IN_PROGRESS)
        self.try_complete_join(now_s)

    def _longest_rebalance_s(self) -> float:
        return max((member.rebalance_timeout_s for member in self.members.values()), default=0.0)

    def try_complete_join(self, now_s: float) -> None:
        """Begin the next generation when every member has joined, or the slowest has had its time."""
        if self.state is not GroupState.PREPARING:
            return
        missing = [member for member in self.members.values() if not member.is_joining]
        if missing and now_s < self.rebalance_deadline_s:
            return
        for member in missing:
            if member.instance_id is None:  # a static member stays until its session ends
                self.remove(member)
        if not self.members:
            self._become_empty()
        elif not any(member.is_joining for member in self.members.values()):
            self.rebalance_deadline_s = now_s + self._longest_rebalance_s()
        else:
            self._begin_generation(now_s)

    def _become_empty(self) -> None:
        self.generation += 1
        self.state, self.leader, self.protocol_name = GroupState.EMPTY, None, None

    def _begin_generation(self, now_s: float) -> None:
        if self.leader is None or not self.members[self.leader].is_joining:
            self.leader = next(key for key, member in self.members.items() if member.is_joining)
        self.generation += 1
        self.protocol_name = self.choose_protocol()
        self.state = GroupState.COMPLETING
        # A member that does not ask for its assignment within this time is dropped by `expire`.
        self.rebalance_deadline_s = now_s + self._longest_rebalance_s()
        for member in self.members.values():
            member.seen_s = now_s
            member.answer_join(self.join_answer(member))

    def assign(self, assignments: dict[str, bytes], now_s: float) -> None:
        """The leader has decided: the group is stable, and the members that wait get their shares."""
        self.state = GroupState.STABLE
        for member in self.members.values():
            member.assignment = assignments.get(member.member_id, b"")
            member.seen_s = now_s
            member.answer_sync()

    def expire(self, now_s: float) -> None:
        """Drop members whose session has ended, or who never asked for their assignment."""
        for member_id in [key for key, lapses_s in self.pending.items() if now_s > lapses_s]:
            del self.pending[member_id]
        overdue = self.state is GroupState.COMPLETING and now_s > self.rebalance_deadline_s
        gone = [
            member
            for member in self.members.values()
            if not member.is_waiting and (overdue or now_s - member.seen_s > member.session_timeout_s)
        ]
        for member in gone:
            self.remove(member)
        if gone:
            self.prepare_rebalance(now_s)
        self.try_complete_join(now_s)
