"""How far the consumer groups of the demo are."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.records import TopicPartition


def is_past(lookup: ClusterLookup, group: str, topic: str, reached: Mapping[TopicPartition, int]) -> bool:
    """Whether a group has committed the offsets in `reached` of a topic: all records before them are handled."""
    wanted = {partition: offset for partition, offset in reached.items() if partition.topic == topic}
    committed = lookup.committed(group, wanted)
    return all(committed.get(partition, 0) >= offset for partition, offset in wanted.items())
