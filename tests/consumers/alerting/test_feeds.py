"""Which feeds are scored to their end, according to the brokers."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaConsumer
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

from consumers.alerting.feeds import FeedProgress
from consumers.cluster.records import OutgoingRecord, partition_name
from consumers.cluster.transaction import TransactionalProducer
from sentiment.settings import KafkaSettings, Settings, TopicSettings, WorkerSettings
from tests.brokers import Broker
from tests.consumers.kafka_io import new_topic
from tests.waiting import wait_until

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)


def settings_for(bootstrap: str, topic: str) -> Settings:
    """Settings with their own feedback topic and scoring group."""
    return Settings.model_construct().model_copy(
        update={
            "kafka": KafkaSettings(bootstrap_servers=bootstrap),
            "topics": TopicSettings(feedback=topic),
            "worker": WorkerSettings(group_id=f"{topic}.worker"),
        }
    )


def publish(settings: Settings, *partitions: int) -> None:
    """Publish one record to each partition given, in one transaction, so each partition also gets a marker."""
    topic = settings.topics.feedback
    with closing(TransactionalProducer.open(settings, f"{topic}.ingest")) as producer:
        producer.commit([OutgoingRecord(topic, b"{}", partition=partition) for partition in partitions])


def score(settings: Settings, offsets: dict[int, int]) -> None:
    """Commit these offsets for the scoring group."""
    topic = settings.topics.feedback
    with closing(TransactionalProducer.open(settings, f"{topic}.score")) as producer:
        to_commit = {TopicPartition(topic, p): OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()}
        producer.commit([], to_commit, ConsumerGroupMetadata(settings.worker.group_id))


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """Settings with three empty feeds."""
    return settings_for(broker.bootstrap, new_topic(broker.bootstrap, "feedback", partitions=3))


def test_settled_means_scored_to_the_last_record(settings: Settings) -> None:
    """A marker after the last record does not matter, but an unscored record does. An empty feed is settled."""
    topic = settings.topics.feedback
    publish(settings, 0, 0, 1, 1)
    score(settings, {0: 2, 1: 1})
    with closing(FeedProgress(settings)) as progress:
        settled = {partition_name(topic, 0): NOW, partition_name(topic, 2): NOW}
        wait_until(lambda: progress.settled_since(NOW) == settled, "the scores")
        assert progress.names() == {partition_name(topic, number) for number in range(3)}


def test_it_holds_since_it_was_first_seen_and_until_more_comes(settings: Settings) -> None:
    """New feedback makes a feed unsettled until it is scored."""
    topic = settings.topics.feedback
    publish(settings, 0)
    score(settings, {0: 1})
    with closing(FeedProgress(settings)) as progress:
        everything = {partition_name(topic, number): NOW for number in range(3)}
        wait_until(lambda: progress.settled_since(NOW) == everything, "the score")
        assert progress.settled_since(LATER) == everything
        publish(settings, 0)
        wait_until(lambda: partition_name(topic, 0) not in (progress.settled_since(LATER) or {}), "the new record")
        with closing(KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers)) as consumer:
            end = consumer.end_offsets([TopicPartition(topic, 0)])[TopicPartition(topic, 0)]
        score(settings, {0: end - 1})
        wait_until(lambda: (progress.settled_since(LATER) or {}).get(partition_name(topic, 0)) == LATER, "its score")


def test_without_offsets_of_the_group_nothing_is_known(settings: Settings) -> None:
    """Another group may be scoring, so nothing is known about any feed."""
    publish(settings, 0)
    with closing(FeedProgress(settings)) as progress:
        assert progress.settled_since(NOW) is None


def test_a_missing_topic_has_no_partitions(broker: Broker) -> None:
    """Then the results come from elsewhere, and there is nothing to wait for."""
    with closing(FeedProgress(settings_for(broker.bootstrap, "no-such-feedback"))) as progress:
        assert progress.names() == frozenset()
        assert progress.settled_since(NOW) == {}
