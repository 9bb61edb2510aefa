"""How far the consumer groups of the demo are, as the broker tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from consumers.cluster.records import TopicPartition


def members_at_work(admin: KafkaAdminClient, group: str) -> int:
    """Members that own a partition, once the group is stable; 0 before."""
    try:
        described: dict[str, Any] = admin.describe_groups([group])[group]
    except KafkaError:
        return 0  # its coordinator is not known yet
    if described["error"] is not None or described["group_state"] != "Stable":
        return 0
    return sum(1 for member in described["members"] if _partitions(member))


def is_past(admin: KafkaAdminClient, group: str, topic: str, reached: Mapping[TopicPartition, int]) -> bool:
    """Whether a group has committed every offset of `topic` in `reached`: it is done with all records before them."""
    wanted = {partition: offset for partition, offset in reached.items() if partition.topic == topic}
    if not wanted:
        return True
    try:
        committed: dict[TopicPartition, Any] = admin.list_group_offsets({group: list(wanted)})[group]
    except KafkaError:
        return False
    return all(partition in committed and committed[partition].offset >= offset for partition, offset in wanted.items())


def _partitions(member: Mapping[str, Any]) -> int:
    assignment = member["member_assignment"]
    if not assignment:
        return 0
    return sum(len(topic["partitions"]) for topic in assignment["assigned_partitions"])
