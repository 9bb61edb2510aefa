"""Offsets of groups: committed ones, and those that wait for a transaction to commit."""

from collections.abc import Iterator

from consumers.broker.entries import (
    Entry,
    GroupDeleted,
    Offset,
    OffsetsCommitted,
    OffsetsDeleted,
    OffsetsPending,
    PartitionId,
    TopicDeleted,
)
from consumers.broker.journal import Journal

_ENTRY_OFFSETS = 1000


class Offsets:
    """Offsets are kept until they are deleted, however long a group has been gone."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._committed: dict[str, dict[PartitionId, Offset]] = {}
        self._pending: dict[int, dict[str, dict[PartitionId, Offset]]] = {}

    def of_group(self, group: str) -> dict[PartitionId, Offset]:
        """The committed offsets, by partition."""
        return self._committed.get(group, {})

    def groups(self) -> list[str]:
        """Groups with committed offsets."""
        return list(self._committed)

    def in_use(self) -> set[str]:
        """Groups with offsets, committed or held for the end of a transaction."""
        return self._committed.keys() | {group for groups in self._pending.values() for group in groups}

    def is_pending(self, group: str, partition: PartitionId) -> bool:
        """Whether an open transaction will move the group's offset in this partition."""
        return any(partition in groups.get(group, ()) for groups in self._pending.values())

    def commit(self, group: str, offsets: list[Offset]) -> None:
        """Let offsets hold at once."""
        self._change(OffsetsCommitted(group, offsets))

    def hold(self, group: str, producer_id: int, offsets: list[Offset]) -> None:
        """Keep offsets for the end of a transaction."""
        self._change(OffsetsPending(group, producer_id, offsets))

    def delete(self, group: str, partitions: list[PartitionId]) -> None:
        """Forget offsets; unknown ones are ignored."""
        self._change(OffsetsDeleted(group, partitions))

    def end_transaction(self, producer_id: int, *, commit: bool) -> None:
        """Commit or drop what was held. The entry that ends the transaction says so in the journal."""
        for group, offsets in self._pending.pop(producer_id, {}).items():
            if commit:
                self._committed.setdefault(group, {}).update(offsets)

    def _change(self, entry: Entry) -> None:
        self._journal.write(entry)
        self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect; entries of other kinds change nothing."""
        match entry:
            case OffsetsCommitted():
                self._committed.setdefault(entry.group, {}).update(_by_partition(entry.offsets))
            case OffsetsPending():
                groups = self._pending.setdefault(entry.producer_id, {})
                groups.setdefault(entry.group, {}).update(_by_partition(entry.offsets))
            case OffsetsDeleted():
                self._drop(entry.group, entry.partitions)
            case GroupDeleted():
                self._committed.pop(entry.group, None)
            case TopicDeleted():
                for group, offsets in list(self._committed.items()):
                    self._drop(group, [partition for partition in offsets if partition[0] == entry.name])

    def _drop(self, group: str, partitions: list[PartitionId]) -> None:
        offsets = self._committed.get(group, {})
        for partition in partitions:
            offsets.pop(partition, None)
        if not offsets:
            self._committed.pop(group, None)

    def entries(self) -> Iterator[Entry]:
        """Entries that describe the present state."""
        for group, committed in self._committed.items():
            yield from (OffsetsCommitted(group, part) for part in _parts(committed))
        for producer_id, groups in self._pending.items():
            for group, held in groups.items():
                yield from (OffsetsPending(group, producer_id, part) for part in _parts(held))


def _by_partition(offsets: list[Offset]) -> dict[PartitionId, Offset]:
    return {(offset.topic, offset.partition): offset for offset in offsets}


def _parts(offsets: dict[PartitionId, Offset]) -> Iterator[list[Offset]]:
    rows = list(offsets.values())
    for start in range(0, len(rows), _ENTRY_OFFSETS):
        yield rows[start : start + _ENTRY_OFFSETS]
