"""The admin client of confluent-kafka (librdkafka) does its work."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as Partition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

from tests.broker.senders import Traced
from tests.broker.support import new_topic, producer, unique
from tests.broker.wire import Wire
from tests.waiting import WITHIN_S, wait_until

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def _only(futures: dict[Any, Any]) -> Any:
    """The result of the one future that an admin call returns."""
    (future,) = futures.values()
    return future.result(WITHIN_S)


def test_the_admin_client_works(traced: Traced) -> None:
    """For topics, settings, records, groups and their offsets."""
    topic, group = unique("topic"), unique("group")
    with traced.sender("librdkafka admin"):
        admin = AdminClient({"bootstrap.servers": traced.bootstrap})
        _topics(admin, topic)
        _settings(admin, topic)
        with Wire(traced.bootstrap) as wire:
            assert wire.commit(group, (topic, 1)) == 0
        _groups(admin, topic, group)
        with producer(traced.bootstrap) as client:
            for _ in range(3):
                client.send(topic, b"value", key=b"key", partition=0).get(WITHIN_S)
        assert _only(admin.delete_records([Partition(topic, 0, 2)])).low_watermark == 2
        assert _only(admin.list_offsets({Partition(topic, 0): OffsetSpec.earliest()})).offset == 2
        _only(admin.delete_topics([topic]))
        wait_until(lambda: topic not in admin.list_topics(timeout=WITHIN_S).topics, "the topic is gone")


def _topics(admin: AdminClient, topic: str) -> None:
    _only(admin.create_topics([NewTopic(topic, 1, 1)]))
    _only(admin.create_partitions([NewPartitions(topic, 2)]))
    wait_until(lambda: len(admin.list_topics(topic, WITHIN_S).topics[topic].partitions) == 2, "two partitions")
    with pytest.raises(KafkaException, match="already exists"):
        _only(admin.create_topics([NewTopic(topic, 1, 1)]))


def _settings(admin: AdminClient, topic: str) -> None:
    """`alter_configs` replaces all, `incremental_alter_configs` changes what it names."""
    kind = ConfigResource.Type.TOPIC
    _only(admin.alter_configs([ConfigResource(kind, topic, set_config={"retention.ms": "7200000"})]))
    changes = [
        ConfigEntry("segment.bytes", "2000000", incremental_operation=AlterConfigOpType.SET),
        ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND),
    ]
    _only(admin.incremental_alter_configs([ConfigResource(kind, topic, incremental_configs=changes)]))
    expected = {"retention.ms": "7200000", "segment.bytes": "2000000", "cleanup.policy": "delete,compact"}

    def described() -> dict[str, str]:
        found = _only(admin.describe_configs([ConfigResource(kind, topic)]))
        return {name: found[name].value for name in expected}

    wait_until(lambda: described() == expected, "the changes show")


def _groups(admin: AdminClient, topic: str, group: str) -> None:
    listed = admin.list_consumer_groups(states={ConsumerGroupState.EMPTY}).result(WITHIN_S).valid
    assert group in [each.group_id for each in listed]
    assert _only(admin.describe_consumer_groups([group])).state == ConsumerGroupState.EMPTY
    position = ConsumerGroupTopicPartitions(group, [Partition(topic, 0, 2)])
    _only(admin.alter_consumer_group_offsets([position]))
    (found,) = _only(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])).topic_partitions
    assert (found.topic, found.partition, found.offset) == (topic, 0, 2)
    _only(admin.delete_consumer_groups([group]))
    with pytest.raises(KafkaException):
        _only(admin.delete_consumer_groups([group]))


def test_a_topic_is_described(traced: Traced) -> None:
    """The newer call gives the leader and the replicas of each partition."""
    topic = new_topic(traced.bootstrap, 2)
    admin = AdminClient({"bootstrap.servers": traced.bootstrap})
    described = _only(admin.describe_topics(TopicCollection([topic])))
    assert [(each.id, each.leader.id, [node.id for node in each.isr]) for each in described.partitions] == [
        (0, 1, [1]),
        (1, 1, [1]),
    ]
