"""What the journal holds: one type for each kind of change, tagged by `kind` in its JSON.

Every change is first written and then applied. The same function applies it when the journal is read again.
Times are epoch milliseconds.
"""

from enum import StrEnum

import msgspec

PartitionId = tuple[str, int]
"""(topic, partition number)"""


class Entry(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True):
    """One line of the journal."""


class TopicCreated(Entry, frozen=True, tag="topic"):
    """`topic_id` is a UUID in hexadecimal."""

    name: str
    topic_id: str
    partitions: int
    configs: dict[str, str] = {}


class PartitionsAdded(Entry, frozen=True, tag="partitions"):
    """The topic has `partitions` from now on."""

    name: str
    partitions: int


class ConfigsChanged(Entry, frozen=True, tag="configs"):
    """All settings of the topic that differ from the defaults."""

    name: str
    configs: dict[str, str]


class TopicDeleted(Entry, frozen=True, tag="topic-deleted"):
    """The topic, its records and the offsets committed for it are gone."""

    name: str


class LogStartMoved(Entry, frozen=True, tag="log-start"):
    """The records before `offset` were deleted by request."""

    topic: str
    partition: int
    offset: int


class Offset(msgspec.Struct, frozen=True, array_like=True):
    """A position of a group in one partition."""

    topic: str
    partition: int
    offset: int
    leader_epoch: int = -1
    metadata: str = ""

    @property
    def where(self) -> PartitionId:
        """The partition with its topic."""
        return self.topic, self.partition


class OffsetsCommitted(Entry, frozen=True, tag="offsets"):
    """Offsets that hold from now on."""

    group: str
    offsets: list[Offset]


class OffsetsPending(Entry, frozen=True, tag="pending"):
    """Offsets that hold when the producer's transaction commits."""

    group: str
    producer_id: int
    offsets: list[Offset]


class OffsetsDeleted(Entry, frozen=True, tag="offsets-deleted"):
    """The group no longer has an offset in these partitions."""

    group: str
    partitions: list[PartitionId]


class StoredMember(msgspec.Struct, frozen=True):
    """A member of a stable group; timeouts in seconds."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_s: float
    rebalance_timeout_s: float
    protocols: list[tuple[str, bytes]]
    assignment: bytes


class GroupStored(Entry, frozen=True, tag="group"):
    """A group as it was when its last rebalance ended; an empty one has no members."""

    group: str
    generation: int
    protocol_type: str = ""
    protocol_name: str | None = None
    leader: str | None = None
    members: list[StoredMember] = []


class GroupDeleted(Entry, frozen=True, tag="group-deleted"):
    """The group and its offsets are gone."""

    group: str


class ProducerIdsReserved(Entry, frozen=True, tag="producer-ids"):
    """Ids below `until` may be in use."""

    until: int


class TransactionState(StrEnum):
    """States as Apache Kafka's tools show them."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"


class Transaction(Entry, frozen=True, tag="transaction"):
    """The whole state of one transactional id. A `PREPARE_*` state is a decision, carried out even after a crash."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    timeout_ms: int
    state: TransactionState
    updated_ms: int
    last_epoch: int = -1
    started_ms: int = -1
    partitions: frozenset[PartitionId] = frozenset()
    groups: frozenset[str] = frozenset()


class TransactionForgotten(Entry, frozen=True, tag="transaction-forgotten"):
    """The transactional id was idle for so long that it is unknown again."""

    transactional_id: str


class TransactionCompleted(Entry, frozen=True, tag="transaction-completed"):
    """The decision was carried out in every partition. This entry also commits or drops the offsets that were held."""

    transactional_id: str
    updated_ms: int


AnyEntry = (
    TopicCreated
    | PartitionsAdded
    | ConfigsChanged
    | TopicDeleted
    | LogStartMoved
    | OffsetsCommitted
    | OffsetsPending
    | OffsetsDeleted
    | GroupStored
    | GroupDeleted
    | ProducerIdsReserved
    | Transaction
    | TransactionForgotten
    | TransactionCompleted
)
