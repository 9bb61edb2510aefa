"""The cluster as clients see it: one broker, which leads all partitions and coordinates all groups."""

import uuid
from typing import Any

from kafka.protocol.admin import DescribeClusterResponse
from kafka.protocol.metadata import FindCoordinatorResponse, MetadataResponse

from consumers.broker.api.call import Call
from consumers.broker.broker import NODE_ID, Broker
from consumers.broker.codes import Code
from consumers.broker.topics import Topic

_Topic = MetadataResponse.MetadataResponseTopic

_NO_ID = uuid.UUID(int=0)


def metadata(broker: Broker, call: Call) -> MetadataResponse:
    """Topics by name or id, or all of them."""
    wanted = call.request.topics
    everything = wanted is None or (call.version == 0 and not wanted)
    topics = [_described(topic) for topic in broker.topics] if everything else [_find(broker, item) for item in wanted]
    host, port = broker.address
    return MetadataResponse(
        brokers=[MetadataResponse.MetadataResponseBroker(node_id=NODE_ID, host=host, port=port, rack=None)],
        cluster_id=broker.cluster_id,
        controller_id=NODE_ID,
        topics=topics,
    )


def _find(broker: Broker, item: Any) -> Any:
    if item.topic_id not in (None, _NO_ID):
        topic = broker.topics.by_id(item.topic_id)
        missing, name, topic_id = Code.UNKNOWN_TOPIC_ID, None, item.topic_id
    else:
        topic = broker.topics.get(item.name)
        missing, name, topic_id = Code.UNKNOWN_TOPIC_OR_PARTITION, item.name, _NO_ID
    if topic is None:
        return _Topic(error_code=missing, name=name, topic_id=topic_id, is_internal=False, partitions=[])
    return _described(topic)


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
