"""Committed offsets of groups: commit, fetch, delete."""

from collections.abc import Iterable
from typing import Any

from kafka.protocol.consumer import OffsetCommitResponse, OffsetDeleteResponse, OffsetFetchResponse

from consumers.broker.api.call import Call
from consumers.broker.api.offered_offsets import judge
from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError, Code
from consumers.broker.entries import Offset

_GROUPS_SINCE = 8
_NOTHING = Offset("", -1, -1)


def commit(broker: Broker, call: Call) -> OffsetCommitResponse:
    """Commit at once, in one step for all partitions that exist."""
    request = call.request
    Topic = OffsetCommitResponse.OffsetCommitResponseTopic  # noqa: N806 - a class of the protocol
    code = Code.NONE
    try:
        broker.groups.check_commit(
            request.group_id,
            request.member_id,
            request.generation_id_or_member_epoch,
            request.group_instance_id,
            transactional=False,
        )
    except BrokerError as error:
        code = error.code
    topics, accepted = judge(
        broker, request.topics, code, topic_class=Topic, partition_class=Topic.OffsetCommitResponsePartition
    )
    if accepted:
        broker.offsets.commit(request.group_id, accepted)
        broker.groups.seen(request.group_id, request.member_id, broker.now_s())
    return OffsetCommitResponse(topics=topics)


def fetch(broker: Broker, call: Call) -> OffsetFetchResponse:
    """Offsets of one group (several since version 8); -1 where there is none.

    With `require_stable` an offset that an open transaction will move is UNSTABLE_OFFSET_COMMIT (KIP-447).
    """
    request = call.request
    stable = request.require_stable
    if call.version < _GROUPS_SINCE:
        Topic = OffsetFetchResponse.OffsetFetchResponseTopic  # noqa: N806 - a class of the protocol
        topics = _positions(
            broker, request.group_id, request.topics, Topic, Topic.OffsetFetchResponsePartition, require_stable=stable
        )
        return OffsetFetchResponse(error_code=Code.NONE, topics=topics)
    Group = OffsetFetchResponse.OffsetFetchResponseGroup  # noqa: N806 - a class of the protocol
    Topics = Group.OffsetFetchResponseTopics  # noqa: N806 - a class of the protocol
    groups = [
        Group(
            group_id=group.group_id,
            error_code=Code.NONE,
            topics=_positions(
                broker,
                group.group_id,
                group.topics,
                Topics,
                Topics.OffsetFetchResponsePartitions,
                require_stable=stable,
            ),
        )
        for group in request.groups
    ]
    return OffsetFetchResponse(groups=groups)


def _positions(
    broker: Broker, group_id: str, topics: Any, topic_class: Any, partition_class: Any, *, require_stable: bool
) -> list[Any]:
    committed = broker.offsets.of_group(group_id)
    wanted: dict[str, Iterable[int]] = {}
    if topics is None:
        for topic, number in committed:
            wanted[topic] = [*wanted.get(topic, ()), number]
    else:
        wanted = {topic.name: topic.partition_indexes for topic in topics}

    def position(topic: str, number: int) -> Any:
        unstable = require_stable and broker.offsets.is_pending(group_id, (topic, number))
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
    """Forget positions of a group in topics that no member subscribes to now."""
    request = call.request
    Topic = OffsetDeleteResponse.OffsetDeleteResponseTopic  # noqa: N806 - a class of the protocol
    group = broker.groups.get(request.group_id)
    if group is None and request.group_id not in broker.offsets.groups():
        return OffsetDeleteResponse(error_code=Code.GROUP_ID_NOT_FOUND, topics=[])
    # Which topics the members read is inside metadata that only they understand, so a group with members keeps all.
    in_use = group is not None and bool(group.members)

    def answer(topic: str, number: int) -> Code:
        if not broker.topics.has_partition(topic, number):
            return Code.UNKNOWN_TOPIC_OR_PARTITION
        return Code.GROUP_SUBSCRIBED_TO_TOPIC if in_use else Code.NONE

    codes = {
        (topic.name, item.partition_index): answer(topic.name, item.partition_index)
        for topic in request.topics
        for item in topic.partitions
    }
    gone = [partition for partition, code in codes.items() if code is Code.NONE]
    if gone:
        broker.offsets.delete(request.group_id, gone)
    return OffsetDeleteResponse(
        error_code=Code.NONE,
        topics=[
            Topic(
                name=topic.name,
                partitions=[
                    Topic.OffsetDeleteResponsePartition(
                        partition_index=item.partition_index, error_code=codes[topic.name, item.partition_index]
                    )
                    for item in topic.partitions
                ],
            )
            for topic in request.topics
        ],
    )
