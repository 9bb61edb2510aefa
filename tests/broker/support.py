"""What the behaviour tests need again and again: names of their own, topics, ready-made clients."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from tests.broker.wire import Wire
from tests.waiting import wait_until


def unique(word: str) -> str:
    """A name that no other test uses."""
    return f"{word}-{uuid.uuid4().hex[:10]}"


@contextlib.contextmanager
def admin_client(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """An admin client."""
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        yield client
    finally:
        client.close()


def new_topic(
    bootstrap: str, partitions: int = 1, configs: dict[str, str] | None = None, *, name: str | None = None
) -> str:
    """Create a topic and wait until it can be written to. It keeps its records, however old they say they are."""
    topic = name or unique("topic")
    configs = {"retention.ms": "-1", **(configs or {})}
    with admin_client(bootstrap) as admin:
        admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
    with Wire(bootstrap) as wire:
        # Apache Kafka answers before every partition has its leader at work.
        for number in range(partitions):
            wait_until(lambda number=number: wire.offset(topic, -1, partition=number)[0] == 0, f"a leader of {topic}")
    return topic


@contextlib.contextmanager
def producer(bootstrap: str, **options: Any) -> Iterator[KafkaProducer]:
    """A producer; a transactional one is ready to begin."""
    client = KafkaProducer(bootstrap_servers=bootstrap, **{"acks": "all", **options})
    try:
        if "transactional_id" in options:
            client.init_transactions()
        yield client
    finally:
        client.close(timeout=5)


@contextlib.contextmanager
def consumer(bootstrap: str, *topics: str, **options: Any) -> Iterator[KafkaConsumer]:
    """A consumer that reads from the beginning and commits nothing by itself."""
    defaults = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "group_id": None, "fetch_max_wait_ms": 50}
    client = KafkaConsumer(*topics, bootstrap_servers=bootstrap, **{**defaults, **options})
    try:
        yield client
    finally:
        client.close()


def read(
    bootstrap: str, topic: str, count: int, *, isolation: str = "read_committed", partitions: int = 1
) -> list[Any]:
    """Exactly `count` records in order of arrival, from the beginning; AssertionError if there are fewer or more."""
    with consumer(bootstrap, isolation_level=isolation) as client:
        assigned = [TopicPartition(topic, number) for number in range(partitions)]
        client.assign(assigned)
        client.seek_to_beginning()
        found: list[Any] = []

        def at_end() -> bool:
            for records in client.poll(100).values():
                found.extend(records)
            ends = client.end_offsets(assigned)
            return len(found) >= count and all(client.position(each) >= ends[each] for each in assigned)

        wait_until(at_end, lambda: f"{count} records in {topic}; there were {len(found)}")
    assert len(found) == count
    return found
