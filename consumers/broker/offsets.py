"""Offsets of groups: committed ones, and those that wait for a transaction to commit."""

from collections.abc import Collection, Iterable, Iterator, Mapping

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
from consumers.broker.offset_table import OffsetTable

_ENTRY_OFFSETS = 1000


class Offsets:
    """Offsets are kept until they are deleted, however long a group has been gone."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._committed: OffsetTable[Offset] = OffsetTable()
        self._pending: OffsetTable[dict[int, Offset]] = OffsetTable()
        """By the ids of the producers whose transactions are open."""
        self._held: dict[int, set[tuple[str, PartitionId]]] = {}
        """(group, partition) of what is pending, by producer id."""

    def of_group(self, group: str) -> Mapping[PartitionId, Offset]:
        """The committed offsets, by partition."""
        return self._committed.groups.get(group, {})

    def groups(self) -> Collection[str]:
        """Groups with committed offsets."""
        return self._committed.groups.keys()

    def is_in_use(self, group: str) -> bool:
        """Whether a group has offsets, committed or held for the end of a transaction."""
        return group in self._committed.groups or group in self._pending.groups

    def is_pending(self, group: str, partition: PartitionId) -> bool:
        """Whether an open transaction will move the group's offset in this partition."""
        return self._pending.get(group, partition) is not None

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
        for group, partition in self._held.pop(producer_id, ()):
            producers = self._pending.groups[group][partition]
            offset = producers.pop(producer_id)
            if not producers:
                self._pending.drop(group, partition)
            if commit:
                self._committed.put(group, partition, offset)

    def _change(self, entry: Entry) -> None:
        self._journal.write(entry)
        self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect; entries of other kinds change nothing."""
        match entry:
            case OffsetsCommitted():
                for offset in entry.offsets:
                    self._committed.put(entry.group, offset.where, offset)
            case OffsetsPending():
                for offset in entry.offsets:
                    self._hold(entry.group, entry.producer_id, offset)
            case OffsetsDeleted():
                for partition in entry.partitions:
                    self._committed.drop(entry.group, partition)
            case GroupDeleted():
                for partition in list(self.of_group(entry.group)):
                    self._committed.drop(entry.group, partition)
            case TopicDeleted():
                self._drop_topic(entry.name)

    def _hold(self, group: str, producer_id: int, offset: Offset) -> None:
        producers = self._pending.get(group, offset.where)
        if producers is None:
            self._pending.put(group, offset.where, producers := {})
        producers[producer_id] = offset
        self._held.setdefault(producer_id, set()).add((group, offset.where))

    def _drop_topic(self, topic: str) -> None:
        for group, partition in self._committed.of_topic(topic):
            self._committed.drop(group, partition)
        for group, partition in self._pending.of_topic(topic):
            for producer_id in self._pending.groups[group][partition]:
                self._held[producer_id].discard((group, partition))
            self._pending.drop(group, partition)

    def entries(self) -> Iterator[Entry]:
        """Entries that describe the present state."""
        for group, committed in self._committed.groups.items():
            yield from (OffsetsCommitted(group, part) for part in _parts(committed.values()))
        for producer_id, held in self._held.items():
            by_group: dict[str, list[Offset]] = {}
            for group, partition in held:
                by_group.setdefault(group, []).append(self._pending.groups[group][partition][producer_id])
            for group, offsets in by_group.items():
                yield from (OffsetsPending(group, producer_id, part) for part in _parts(offsets))


def _parts(offsets: Iterable[Offset]) -> Iterator[list[Offset]]:
    rows = list(offsets)
    for start in range(0, len(rows), _ENTRY_OFFSETS):
        yield rows[start : start + _ENTRY_OFFSETS]
