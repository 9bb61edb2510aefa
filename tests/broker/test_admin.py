"""What the admin client needs: topics, settings, groups, offsets, records."""

from __future__ import annotations

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import (
    InvalidConfigurationError,
    InvalidPartitionsError,
    InvalidReplicationAssignmentError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from tests.broker.support import admin_client, consumer, new_topic, producer, read, unique
from tests.broker.wire import Wire
from tests.brokers import Broker
from tests.waiting import WITHIN_S, wait_until


def test_a_topic_is_created_once(broker: Broker) -> None:
    """It has the partitions asked for. Creating it again is TopicAlreadyExists and changes nothing."""
    topic = new_topic(broker.bootstrap, partitions=3)
    with admin_client(broker.bootstrap) as admin:
        with pytest.raises(TopicAlreadyExistsError):
            admin.create_topics([NewTopic(topic, 5, 1)])
        assert topic in admin.list_topics()
        described = admin.describe_topics([topic])[0]
    assert [each["partition_index"] for each in described["partitions"]] == [0, 1, 2]


def test_a_topic_is_created_from_an_assignment_of_replicas(broker: Broker) -> None:
    """It has the partitions that are assigned; a broker that does not exist cannot have one."""
    topic, wrong = unique("topic"), unique("topic")
    with admin_client(broker.bootstrap) as admin:
        admin.create_topics([NewTopic(topic, replica_assignments={0: [1], 1: [1]})])
        wait_until(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == 2, "two partitions")
        with pytest.raises(InvalidReplicationAssignmentError):
            admin.create_topics([NewTopic(wrong, replica_assignments={0: [7]})])
        assert wrong not in admin.list_topics()


@pytest.mark.parametrize(
    ("name", "partitions", "replicas", "configs", "error"),
    [
        ("bad/name", 1, 1, {}, InvalidTopicError),
        ("fine", 0, 1, {}, InvalidPartitionsError),
        ("fine", 1, 3, {}, InvalidReplicationFactorError),
        ("fine", 1, 1, {"no.such.setting": "1"}, InvalidConfigurationError),
        ("fine", 1, 1, {"retention.ms": "soon"}, InvalidConfigurationError),
        ("fine", 1, 1, {"cleanup.policy": "shred"}, InvalidConfigurationError),
    ],
)
def test_a_wrong_topic_is_refused(
    broker: Broker, name: str, partitions: int, replicas: int, configs: dict[str, str], error: type[Exception]
) -> None:
    """The error says what is wrong, and nothing is created."""
    topic = unique(name)
    with admin_client(broker.bootstrap) as admin:
        with pytest.raises(error):
            admin.create_topics([NewTopic(topic, partitions, replicas, topic_configs=configs)])
        assert topic not in admin.list_topics()


def test_validate_only_creates_nothing(broker: Broker) -> None:
    """The answer is that of a creation, but there is no topic."""
    topic = unique("topic")
    with admin_client(broker.bootstrap) as admin:
        admin.create_topics([NewTopic(topic, 2, 1)], validate_only=True)
        assert topic not in admin.list_topics()


def test_a_deleted_topic_is_gone(broker: Broker) -> None:
    """So are its records: a new topic of the same name is empty. Deleting it twice is UnknownTopicOrPartition."""
    topic = new_topic(broker.bootstrap)
    with producer(broker.bootstrap) as client:
        client.send(topic, b"old").get(WITHIN_S)
    with admin_client(broker.bootstrap) as admin:
        admin.delete_topics([topic])
        wait_until(lambda: topic not in admin.list_topics(), "the topic is gone")
        with pytest.raises(UnknownTopicOrPartitionError):
            admin.delete_topics([topic])
    new_topic(broker.bootstrap, name=topic)
    with Wire(broker.bootstrap) as wire:
        assert wire.offset(topic, -1)[2] == 0


def test_partitions_are_added_never_removed(broker: Broker) -> None:
    """More partitions can be written to; fewer are InvalidPartitions."""
    topic = new_topic(broker.bootstrap, partitions=2)
    with admin_client(broker.bootstrap) as admin:
        admin.create_partitions({topic: 4})
        wait_until(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == 4, "four partitions")
        with pytest.raises(InvalidPartitionsError):
            admin.create_partitions({topic: 3})
    with producer(broker.bootstrap) as client:
        client.send(topic, b"value", partition=3).get(WITHIN_S)
    assert read(broker.bootstrap, topic, 1, partitions=4)[0].partition == 3


def test_settings_are_described_and_changed(broker: Broker) -> None:
    """Values of the topic and defaults are shown; a change shows; a wrong value is refused."""
    topic = new_topic(broker.bootstrap, configs={"cleanup.policy": "compact", "retention.ms": "3600000"})
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)

    with admin_client(broker.bootstrap) as admin:

        def settings() -> dict[str, str]:
            configs = admin.describe_configs([resource], config_filter="all")["topic"][topic]
            names = ("cleanup.policy", "retention.ms", "max.message.bytes")
            return {name: configs[name]["value"] for name in names}

        assert settings() == {"cleanup.policy": "compact", "retention.ms": "3600000", "max.message.bytes": "1048588"}
        changed = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "7200000"})
        admin.alter_configs([changed])
        wait_until(lambda: settings()["retention.ms"] == "7200000", "the change shows")
        assert settings()["cleanup.policy"] == "compact"
        wrong = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "-7"})
        assert "InvalidConfig" in admin.alter_configs([wrong])["topic"][topic]
        assert settings()["retention.ms"] == "7200000"


def test_the_cluster_is_described(broker: Broker) -> None:
    """There is one broker, at the address that was asked."""
    with admin_client(broker.bootstrap) as admin:
        described = admin.describe_cluster()
    (node,) = described["brokers"]
    assert f"{node['host']}:{node['port']}" == broker.bootstrap
    assert described["cluster_id"]


def test_groups_are_listed_described_and_deleted(broker: Broker) -> None:
    """A group with members is Stable and cannot be deleted; without them it is Empty and goes with its offsets."""
    topic, group = new_topic(broker.bootstrap), unique("group")
    with admin_client(broker.bootstrap) as admin:
        with consumer(broker.bootstrap, topic, group_id=group, client_id="reader") as client:
            wait_until(lambda: client.poll(1_000) is not None and client.assignment(), "an assignment")
            client.commit({TopicPartition(topic, 0): OffsetAndMetadata(5, "note", -1)})
            described = admin.describe_groups([group])[group]
            assert described["group_state"] == "Stable"
            assert [member["client_id"] for member in described["members"]] == ["reader"]
            assert group in [each["group_id"] for each in admin.list_groups()]
            assert admin.list_group_offsets([group])[group][TopicPartition(topic, 0)].offset == 5
            assert admin.delete_groups([group]) == {group: "NonEmptyGroupError"}
        wait_until(lambda: admin.describe_groups([group])[group]["group_state"] == "Empty", "the group is empty")
        assert admin.delete_groups([group]) == {group: "OK"}
        assert group not in [each["group_id"] for each in admin.list_groups()]
        assert admin.delete_groups([group]) == {group: "GroupIdNotFoundError"}
    with Wire(broker.bootstrap) as wire:
        assert wire.committed(group, topic) == (0, -1)


def test_offsets_are_altered_and_deleted(broker: Broker) -> None:
    """An admin may do both for a group without members."""
    topic, group = new_topic(broker.bootstrap), unique("group")
    partition = TopicPartition(topic, 0)
    with admin_client(broker.bootstrap) as admin, Wire(broker.bootstrap) as wire:
        wire.find_coordinator(group, 0)
        admin.alter_group_offsets(group, {partition: OffsetAndMetadata(9, "", -1)})
        assert wire.committed(group, topic) == (0, 9)
        admin.delete_group_offsets(group, [partition])
        assert wire.committed(group, topic) == (0, -1)


def test_records_are_deleted_up_to_an_offset(broker: Broker) -> None:
    """Afterwards the log starts there: earlier offsets are out of range. So is deleting beyond the end."""
    topic = new_topic(broker.bootstrap)
    partition = TopicPartition(topic, 0)
    with producer(broker.bootstrap) as client:
        for number in range(10):
            client.send(topic, b"%d" % number).get(WITHIN_S)
    with admin_client(broker.bootstrap) as admin, Wire(broker.bootstrap) as wire:
        admin.delete_records({partition: 6})
        assert wire.offset(topic, -2) == (0, -1, 6)
        assert wire.fetch(topic, 5).error_code == 1
        assert wire.fetch(topic, 6).log_start_offset == 6
        assert [record.value for record in read(broker.bootstrap, topic, 4)] == [b"6", b"7", b"8", b"9"]
        with pytest.raises(OffsetOutOfRangeError):
            admin.delete_records({partition: 11})
        admin.delete_records({partition: -1})
        assert wire.offset(topic, -2) == (0, -1, 10)


def test_transactions_are_listed_and_described(broker: Broker) -> None:
    """An open one is Ongoing and names its partitions; the partition names its producer."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    partition = TopicPartition(topic, 0)
    with (
        admin_client(broker.bootstrap) as admin,
        producer(broker.bootstrap, transactional_id=transactional_id) as client,
    ):
        client.begin_transaction()
        client.send(topic, b"value").get(WITHIN_S)
        described = admin.describe_transactions([transactional_id])[transactional_id]
        assert described.state.value == "Ongoing"
        assert described.topic_partitions == {partition}
        assert transactional_id in str(admin.list_transactions())
        (active,) = admin.describe_producers([partition])[partition].active_producers
        assert (active.producer_id, active.current_transaction_start_offset) == (described.producer_id, 0)
        client.abort_transaction()
