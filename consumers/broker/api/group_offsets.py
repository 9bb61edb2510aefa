"""Committed offsets of groups: commit, fetch, delete."""

from collections.abc import Callable
from typing import Any

from kafka.protocol.consumer import OffsetCommitResponse, OffsetDeleteResponse, OffsetFetchResponse

from consumers.broker.api.answers import by_partition
from consumers.broker.api.call import Call
from consumers.broker.broker import Broker
from consumers.broker.codes import Code, attempt
from consumers.broker.entries import Offset
from consumers.broker.member import MemberClaim

_CommitTopic = OffsetCommitResponse.OffsetCommitResponseTopic
_DeleteTopic = OffsetDeleteResponse.OffsetDeleteResponseTopic
_FetchGroup = OffsetFetchResponse.OffsetFetchResponseGroup
_FetchTopic = OffsetFetchResponse.OffsetFetchResponseTopic

_GROUPS_SINCE = 8
"""Before this version of OffsetFetch a request names one group."""
_MAX_METADATA = 4096
"""Characters, as in Apache Kafka (`offset.metadata.max.bytes`)."""
_NOTHING = Offset("", -1, -1)


def commit(broker: Broker, call: Call) -> OffsetCommitResponse:
    """Commit at once, in one step for all partitions that exist."""
    request = call.request
    member = MemberClaim(request.member_id, request.generation_id_or_member_epoch, request.group_instance_id)
    topics = take_offsets(
        broker,
        request,
        lambda: broker.groups.check_commit(request.group_id, member, transactional=False),
        lambda offsets: broker.offsets.commit(request.group_id, offsets),
        _CommitTopic,
        _CommitTopic.OffsetCommitResponsePartition,
    )
    return OffsetCommitResponse(topics=topics)


def take_offsets(
    broker: Broker,
    request: Any,
    check: Callable[[], None],
    take: Callable[[list[Offset]], None],
    topic_class: Any,
    partition_class: Any,
) -> list[Any]:
    """`take` the offsets that a request brings, within a transaction or without one, and return the answers.

    If `check` raises BrokerError, all partitions are refused; otherwise only those that do not exist are.
    """
    refusal = attempt(check).code
    accepted: list[Offset] = []

    def answer(topic: str, item: Any) -> Any:
        code = refusal
        if code is Code.NONE and not broker.topics.has_partition(topic, item.partition_index):
            code = Code.UNKNOWN_TOPIC_OR_PARTITION
        metadata = item.committed_metadata or ""
        if code is Code.NONE and len(metadata) > _MAX_METADATA:
            code = Code.OFFSET_METADATA_TOO_LARGE
        if code is Code.NONE:
            accepted.append(
                Offset(topic, item.partition_index, item.committed_offset, item.committed_leader_epoch, metadata)
            )
        return partition_class(partition_index=item.partition_index, error_code=code)

    topics = by_partition(topic_class, request.topics, answer)
    if accepted:
        take(accepted)
        broker.groups.seen(request.group_id, request.member_id, broker.now_s())
    return topics


def fetch(broker: Broker, call: Call) -> OffsetFetchResponse:
    """Offsets of one group, or of several since version 8; -1 for a partition without one.

    With `require_stable` an offset that an open transaction will move is UNSTABLE_OFFSET_COMMIT (KIP-447).
    """
    request = call.request
    if call.version < _GROUPS_SINCE:
        partition_class = _FetchTopic.OffsetFetchResponsePartition
        topics = _positions(broker, request, _FetchTopic, partition_class, require_stable=request.require_stable)
        return OffsetFetchResponse(error_code=Code.NONE, topics=topics)
    topic_class = _FetchGroup.OffsetFetchResponseTopics
    partition_class = topic_class.OffsetFetchResponsePartitions
    groups = [
        _FetchGroup(
            group_id=group.group_id,
            error_code=Code.NONE,
            topics=_positions(broker, group, topic_class, partition_class, require_stable=request.require_stable),
        )
        for group in {group.group_id: group for group in request.groups}.values()
    ]
    return OffsetFetchResponse(groups=groups)


def _positions(
    broker: Broker, asked: Any, topic_class: Any, partition_class: Any, *, require_stable: bool
) -> list[Any]:
    """`asked` has a `group_id`, and `topics`: None for all that the group has offsets in."""
    committed = broker.offsets.of_group(asked.group_id)
    wanted: dict[str, list[int]] = {}
    if asked.topics is None:
        for topic, number in committed:
            wanted.setdefault(topic, []).append(number)
    else:
        wanted = {topic.name: topic.partition_indexes for topic in asked.topics}

    def position(topic: str, number: int) -> Any:
        unstable = require_stable and broker.offsets.is_pending(asked.group_id, (topic, number))
        offset = _NOTHING if unstable else committed.get((topic, number), _NOTHING)
        return partition_class(
            partition_index=number,
            committed_offset=offset.offset,
            committed_leader_epoch=offset.leader_epoch,
            metadata=offset.metadata,
            error_code=Code.UNSTABLE_OFFSET_COMMIT if unstable else Code.NONE,
        )

    return [
        topic_class(name=topic, partitions=[position(topic, number) for number in numbers])
        for topic, numbers in wanted.items()
    ]


def delete(broker: Broker, call: Call) -> OffsetDeleteResponse:
    """Forget offsets of a group without members.

    Apache Kafka also takes those of topics that no member subscribes to. Which these are is in metadata that only the
    members understand, so here a group with members keeps all its offsets.
    """
    group_id = call.request.group_id
    if broker.groups.get(group_id) is None and group_id not in broker.offsets.groups():
        return OffsetDeleteResponse(error_code=Code.GROUP_ID_NOT_FOUND, topics=[])
    in_use = broker.groups.has_members(group_id)
    deleted: list[tuple[str, int]] = []

    def answer(topic: str, item: Any) -> Any:
        code = Code.GROUP_SUBSCRIBED_TO_TOPIC if in_use else Code.NONE
        if not broker.topics.has_partition(topic, item.partition_index):
            code = Code.UNKNOWN_TOPIC_OR_PARTITION
        if code is Code.NONE:
            deleted.append((topic, item.partition_index))
        return _DeleteTopic.OffsetDeleteResponsePartition(partition_index=item.partition_index, error_code=code)

    topics = by_partition(_DeleteTopic, call.request.topics, answer)
    if deleted:
        broker.offsets.delete(group_id, deleted)
    return OffsetDeleteResponse(error_code=Code.NONE, topics=topics)
