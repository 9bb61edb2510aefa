"""Following a topic without a consumer group: nothing is committed, and nobody's progress is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from kafka.errors import KafkaError

from consumers.cluster.clients import make_consumer
from consumers.cluster.records import Record, TopicPartition
from consumers.cluster.topics import ensure_topics, partition_count, plans
from sentiment.errors import BrokerUnavailable
from sentiment.settings import Settings

_POLL_MS = 500


def follow(settings: Settings, topic: str, *, from_beginning: bool) -> Iterator[Record]:
    """Committed records of all partitions of `topic`, as they come, without end.

    The order holds within a partition only. One of the project's own topics is created where it is missing; partitions
    that are added later are followed too.

    Raises:
        ConfigurationError: there is no such topic.
        BrokerUnavailable: the cluster cannot be reached.
    """
    if topic in plans(settings.topics):
        ensure_topics(settings, [topic])
    n_partitions = partition_count(settings, topic)
    consumer = make_consumer(settings, group_id=None, auto_offset_reset="earliest" if from_beginning else "latest")
    with closing(consumer):
        consumer.assign([TopicPartition(topic, number) for number in range(n_partitions)])
        while True:
            try:
                _take_new_partitions(consumer, topic)
                polled = consumer.poll(timeout_ms=_POLL_MS)
            except KafkaError as error:
                raise BrokerUnavailable(f"{topic} cannot be read ({type(error).__name__})") from error
            for found in polled.values():
                yield from map(_to_record, found)


def _take_new_partitions(consumer: Any, topic: str) -> None:
    """Follow partitions that the client has heard of since, from their beginning: all in them is new."""
    before = consumer.assignment()
    added = {TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)} - before
    if added:
        positions = {partition: consumer.position(partition) for partition in before}
        consumer.assign([*before, *added])
        for partition, position in positions.items():
            consumer.seek(partition, position)
        consumer.seek_to_beginning(*added)


def _to_record(found: Any) -> Record:
    return Record(
        found.topic, found.partition, found.offset, found.timestamp, found.key, found.value, tuple(found.headers)
    )
