"""Filling topics and reading them back, independently of the code under test."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from tests.waiting import WITHIN_S, wait_until


def new_topic(bootstrap: str, prefix: str, partitions: int = 3, configs: dict[str, str] | None = None) -> str:
    """Create a topic with a name of its own; returns the name."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs or {})])
        admin.wait_for_topics([name])
    return name


def produce(bootstrap: str, topic: str, records: Iterable[tuple[bytes | None, bytes | None]], **options: Any) -> None:
    """Send (key, value) records and wait until all are confirmed."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", **options)
    try:
        sent = [producer.send(topic, key=key, value=value) for key, value in records]
        producer.flush()
        for future in sent:
            future.get(timeout=WITHIN_S)
    finally:
        producer.close()


def read_committed(bootstrap: str, *topics: str) -> list[Any]:
    """All committed records of `topics` up to the present ends of their logs, in partition order.

    Waits for open transactions to end. A topic that does not exist has none.
    """
    with (
        closing(
            KafkaConsumer(
                bootstrap_servers=bootstrap,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                group_id=None,
                fetch_max_wait_ms=100,
            )
        ) as consumer,
        closing(KafkaConsumer(bootstrap_servers=bootstrap, group_id=None)) as uncommitted,
    ):
        partitions = [TopicPartition(t, p) for t in topics for p in sorted(consumer.partitions_for_topic(t) or ())]
        ends = uncommitted.end_offsets(partitions)
        consumer.assign(partitions)
        records: dict[Any, list[Any]] = {partition: [] for partition in partitions}

        def at_end() -> bool:
            if all(consumer.position(partition) >= end for partition, end in ends.items()):
                return True
            for partition, polled in consumer.poll(timeout_ms=200).items():
                records[partition].extend(polled)
            return False

        wait_until(at_end, "the ends of the logs")
        return [record for partition in partitions for record in records[partition]]


def committed_offsets(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """The group's committed offset of each partition that has one."""
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)) as consumer:
        found = {p: consumer.committed(TopicPartition(topic, p)) for p in consumer.partitions_for_topic(topic)}
    return {partition: offset for partition, offset in found.items() if offset is not None}
