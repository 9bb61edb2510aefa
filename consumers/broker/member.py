"""A member of a consumer group: what it says of itself, what it waits for, what it is told."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from consumers.broker.codes import BrokerError, Code
from consumers.broker.entries import StoredMember

_MEMBER_BYTES = 1_000


def _n_bytes(protocols: list[tuple[str, bytes]]) -> int:
    return _MEMBER_BYTES + sum(len(name) + len(metadata) for name, metadata in protocols)


class MemberClaim(NamedTuple):
    """Which member a request says that it comes from. A client outside every group gives no id and generation -1."""

    member_id: str
    generation: int
    instance_id: str | None


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a consumer says when it joins; `protocols` are (assignor name, metadata), the preferred first."""

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

    @property
    def n_bytes(self) -> int:
        """About what the member takes in memory."""
        return _n_bytes(self.protocols)


@dataclass(frozen=True, slots=True)
class JoinAnswer:
    """What a member that has joined is told; only the leader gets `members`: (member id, instance id, metadata)."""

    generation: int
    protocol_type: str
    protocol_name: str
    leader: str
    member_id: str
    members: list[tuple[str, str | None, bytes]]


@dataclass(slots=True)
class Member:
    """`protocols` as in JoinRequest; `joining` and `syncing` are its requests that wait for other members."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_s: float
    rebalance_timeout_s: float
    protocols: list[tuple[str, bytes]]
    seen_s: float
    assignment: bytes = b""
    n_bytes: int = 0
    joining: asyncio.Future[JoinAnswer] | None = None
    syncing: asyncio.Future[bytes] | None = None

    @classmethod
    def new(cls, member_id: str, request: JoinRequest, now_s: float) -> "Member":
        """A member that joins for the first time."""
        member = cls(member_id, request.instance_id, "", "", 0.0, 0.0, [], now_s)
        member.update(request, now_s)
        return member

    @classmethod
    def restored(cls, stored: StoredMember, now_s: float) -> "Member":
        """A member from before a restart, as `stored` describes it; its session begins anew."""
        return cls(
            stored.member_id,
            stored.instance_id,
            stored.client_id,
            stored.client_host,
            stored.session_timeout_s,
            stored.rebalance_timeout_s,
            list(stored.protocols),
            now_s,
            stored.assignment,
            n_bytes=_n_bytes(stored.protocols),
        )

    def stored(self) -> StoredMember:
        """What has to survive a restart."""
        return StoredMember(
            self.member_id,
            self.instance_id,
            self.client_id,
            self.client_host,
            self.session_timeout_s,
            self.rebalance_timeout_s,
            self.protocols,
            self.assignment,
        )

    def update(self, request: JoinRequest, now_s: float) -> None:
        """Take over what a join says."""
        self.session_timeout_s = request.session_timeout_ms / 1000
        self.rebalance_timeout_s = max(request.rebalance_timeout_ms, 1) / 1000
        self.protocols, self.n_bytes = request.protocols, request.n_bytes
        self.client_id, self.client_host = request.client_id, request.client_host
        self.seen_s = now_s

    @property
    def is_joining(self) -> bool:
        """Whether a join waits for others. One whose client has left is cancelled."""
        return self.joining is not None and not self.joining.done()

    @property
    def is_waiting(self) -> bool:
        """Whether a request waits for others: such a member is alive although it sends no heartbeat."""
        return self.is_joining or (self.syncing is not None and not self.syncing.done())

    def metadata(self, protocol: str | None) -> bytes:
        """What the member told the assignor `protocol`."""
        return next((metadata for name, metadata in self.protocols if name == protocol), b"")

    def answer_join(self, answer: JoinAnswer) -> None:
        """Answer the join that waits, if one does."""
        if self.joining is not None and not self.joining.done():
            self.joining.set_result(answer)
        self.joining = None

    def answer_sync(self) -> None:
        """Answer the sync that waits, if one does, with the assignment."""
        if self.syncing is not None and not self.syncing.done():
            self.syncing.set_result(self.assignment)
        self.syncing = None

    def refuse_sync(self, code: Code) -> None:
        """End the sync that waits, if one does, with an error."""
        if self.syncing is not None and not self.syncing.done():
            self.syncing.set_exception(BrokerError(code))
        self.syncing = None

    def refuse(self, code: Code) -> None:
        """End every request that waits with an error."""
        if self.joining is not None and not self.joining.done():
            self.joining.set_exception(BrokerError(code))
        self.joining = None
        self.refuse_sync(code)
