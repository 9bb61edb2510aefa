"""Something for each partition that a group has, found by the group and by the topic without looking at all others."""

from typing import Generic, TypeVar

from consumers.broker.entries import PartitionId

V = TypeVar("V")


class OffsetTable(Generic[V]):
    """Values by group and partition; `groups` has only groups with values, and is for reading."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[PartitionId, V]] = {}
        self._by_topic: dict[str, dict[str, set[int]]] = {}

    def get(self, group: str, partition: PartitionId) -> V | None:
        """None if there is none."""
        return self.groups.get(group, {}).get(partition)

    def put(self, group: str, partition: PartitionId, value: V) -> None:
        """Set the value, or replace it."""
        self.groups.setdefault(group, {})[partition] = value
        topic, number = partition
        self._by_topic.setdefault(topic, {}).setdefault(group, set()).add(number)

    def drop(self, group: str, partition: PartitionId) -> None:
        """Forget a value, if there is one."""
        values = self.groups.get(group, {})
        if partition not in values:
            return
        del values[partition]
        if not values:
            del self.groups[group]
        topic, number = partition
        groups = self._by_topic[topic]
        groups[group].discard(number)
        if not groups[group]:
            del groups[group]
        if not groups:
            del self._by_topic[topic]

    def of_topic(self, topic: str) -> list[tuple[str, PartitionId]]:
        """(group, partition) of every value in a topic."""
        return [(group, (topic, each)) for group, numbers in self._by_topic.get(topic, {}).items() for each in numbers]
