"""The cluster as clients see it: one broker, which leads all partitions and coordinates all groups."""

import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from kafka.protocol.admin import DescribeClusterResponse
from kafka.protocol.metadata import FindCoordinatorResponse, MetadataResponse

from consumers.broker.api.call import Call
from consumers.broker.api.turns import in_turns
from consumers.broker.broker import NODE_ID, Broker
from consumers.broker.codes import Code
from consumers.broker.topics import Topic

_Topic = MetadataResponse.MetadataResponseTopic

_NO_ID = uuid.UUID(int=0)
_AT_ONCE = 1000
"""Topics and partitions that are described while all others wait."""
_ITEM_BYTES = 500
"""What a topic or a partition takes in memory until the response is encoded."""


async def metadata(broker: Broker, call: Call) -> MetadataResponse:
    """Topics by name or id, or all of them; each once, in turns with other requests."""
    wanted = call.request.topics
    everything = wanted is None or (call.version == 0 and not wanted)
    found = list(map(_found, broker.topics)) if everything else _find(broker, wanted)
    if sum(map(_cost, found)) > _AT_ONCE:
        await call.lease.take(_ITEM_BYTES * sum(map(_cost, found)))
    host, port = broker.address
    return MetadataResponse(
        brokers=[MetadataResponse.MetadataResponseBroker(node_id=NODE_ID, host=host, port=port, rack=None)],
        cluster_id=broker.cluster_id,
        controller_id=NODE_ID,
        topics=[_answer(each) async for each in in_turns(found, _AT_ONCE, _cost)],
    )


class _Found(NamedTuple):
    """What was asked for, and the topic: None if there is none, with the error."""

    name: str | None
    topic_id: uuid.UUID
    topic: Topic | None
    missing: Code = Code.NONE


def _found(topic: Topic) -> _Found:
    return _Found(topic.name, topic.topic_id, topic)


def _find(broker: Broker, wanted: Iterable[Any]) -> list[_Found]:
    """Asked for twice, a topic is found once: else a short request could make a response of any size."""
    found = {}
    for item in wanted:
        if item.topic_id not in (None, _NO_ID):
            topic = broker.topics.by_id(item.topic_id)
            each = _Found(None, item.topic_id, None, Code.UNKNOWN_TOPIC_ID)
        else:
            topic = broker.topics.get(item.name)
            each = _Found(item.name, _NO_ID, None, Code.UNKNOWN_TOPIC_OR_PARTITION)
        each = each if topic is None else _found(topic)
        found[each.name, each.topic_id] = each
    return list(found.values())


def _cost(found: _Found) -> int:
    return 1 + (len(found.topic.partitions) if found.topic else 0)


def _answer(found: _Found) -> Any:
    if found.topic is not None:
        return _described(found.topic)
    return _Topic(error_code=found.missing, name=found.name, topic_id=found.topic_id, is_internal=False, partitions=[])


def _described(topic: Topic) -> Any:
    return _Topic(
        error_code=Code.NONE,
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=False,
        partitions=[
            _Topic.MetadataResponsePartition(
                error_code=Code.NONE,
                partition_index=partition.number,
                leader_id=NODE_ID,
                leader_epoch=0,
                replica_nodes=[NODE_ID],
                isr_nodes=[NODE_ID],
                offline_replicas=[],
            )
            for partition in topic.partitions
        ],
    )


def find_coordinator(broker: Broker, call: Call) -> FindCoordinatorResponse:
    """This broker, for every group and every transactional id."""
    host, port = broker.address
    coordinators = [
        FindCoordinatorResponse.Coordinator(
            key=key, node_id=NODE_ID, host=host, port=port, error_code=Code.NONE, error_message=None
        )
        for key in call.request.coordinator_keys
    ]
    return FindCoordinatorResponse(
        error_code=Code.NONE, error_message=None, node_id=NODE_ID, host=host, port=port, coordinators=coordinators
    )


def describe_cluster(broker: Broker, call: Call) -> DescribeClusterResponse:
    """Id, controller and the one broker."""
    host, port = broker.address
    node = DescribeClusterResponse.DescribeClusterBroker(broker_id=NODE_ID, host=host, port=port, rack=None)
    return DescribeClusterResponse(
        error_code=Code.NONE,
        error_message=None,
        endpoint_type=call.request.endpoint_type,
        cluster_id=broker.cluster_id,
        controller_id=NODE_ID,
        brokers=[node],
    )
