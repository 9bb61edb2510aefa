"""The requests that the development broker answers: somebody needs each, and Apache Kafka has its versions too."""

from __future__ import annotations

from contextlib import closing

from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
from kafka.structs import ConsumerGroupMetadata

from consumers.broker.api.table import APIS
from consumers.cluster.clients import make_consumer
from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.records import OutgoingRecord, TopicPartition
from consumers.cluster.topic_limits import largest_record
from consumers.cluster.topics import ensure_topics
from consumers.cluster.transaction import TransactionalProducer
from sentiment.settings import Settings
from tests.broker.senders import SENDERS, Traced
from tests.broker.support import new_topic, unique
from tests.broker.wire import Wire
from tests.brokers import ApacheKafka, Broker
from tests.waiting import wait_until


def test_every_request_has_a_sender() -> None:
    """The product, Apache Kafka's tools or librdkafka."""
    answered = {api.request.name.removesuffix("Request") for api in APIS.values()}
    assert answered == frozenset().union(*SENDERS.values())


def test_every_version_is_one_of_apache_kafka(apache_kafka: ApacheKafka) -> None:
    """The oldest version is the same, so a client that works with Apache Kafka finds one here."""
    with Wire(apache_kafka.bootstrap) as wire:
        theirs = {each.api_key: each for each in wire.ask(ApiVersionsRequest(), 0).api_keys}
    oldest = {key: api.min_version for key, api in APIS.items()}
    # Apache Kafka says 0 for Produce, which some old clients look for, and refuses what is older than 3.
    assert oldest == {key: theirs[key].min_version if key else 3 for key in APIS}
    assert all(api.max_version <= theirs[key].max_version for key, api in APIS.items())


def test_a_topic_that_is_asked_for_twice_is_answered_once(broker: Broker) -> None:
    """Else a short request could make a response of any size."""
    topic = new_topic(broker.bootstrap)
    wanted = [MetadataRequest.MetadataRequestTopic(name=name) for name in (topic, "missing", topic, "missing")]
    with Wire(broker.bootstrap) as wire:
        answer = wire.ask(MetadataRequest(topics=wanted, allow_auto_topic_creation=False), 5)
    assert {each.name: each.error_code for each in answer.topics} == {topic: 0, "missing": 3}
    assert len(answer.topics) == 2


def test_the_product_is_served(traced: Traced) -> None:
    """One unit of work and all around it: topics are made, a group is joined, a transaction commits."""
    source, target, group = unique("source"), unique("target"), unique("group")
    settings = Settings(kafka={"bootstrap_servers": traced.bootstrap, "heartbeat_interval_ms": 100})
    with traced.sender("sentiment"):
        assert ensure_topics(settings, [source, target]) == [source, target]
        limits = largest_record(settings, [target], at_most=2_000_000)
        assert limits == {target: 1_048_588}
        _transact(settings, OutgoingRecord(source, b"in"))
        with closing(make_consumer(settings, group_id=group, topics=(source,))) as consumer:
            records = wait_until(lambda: consumer.poll(1_000), "a record")
            ((partition, (record,)),) = records.items()
            assert record.value == b"in"
            with closing(ClusterLookup(settings)) as lookup:
                assert lookup.members_at_work(group) == 1
            moved = {TopicPartition(source, partition.partition): record.offset + 1}
            _transact(settings, OutgoingRecord(target, b"out"), moved, consumer.group_metadata())
            assert consumer.committed(partition) == record.offset + 1


def _transact(
    settings: Settings,
    record: OutgoingRecord,
    offsets: dict[TopicPartition, int] | None = None,
    group: ConsumerGroupMetadata | None = None,
) -> None:
    with closing(TransactionalProducer.open(settings, unique("tx"))) as producer:
        assert producer.commit([record], offsets, group) == 1
