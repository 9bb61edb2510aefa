"""Offsets of groups against the plainest way to keep them: two dictionaries that are searched from end to end."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from consumers.broker.durability import Flusher, FsyncPolicy
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
from consumers.broker.offsets import Offsets

GROUPS, TOPICS, NUMBERS, PRODUCERS = ["g", "h"], ["t", "u"], range(2), range(3)
_groups = st.sampled_from(GROUPS)
_topics = st.sampled_from(TOPICS)
_partitions = st.tuples(_topics, st.sampled_from(NUMBERS))
_producers = st.sampled_from(PRODUCERS)
_offsets = st.lists(st.builds(Offset, _topics, st.sampled_from(NUMBERS), st.integers(0, 9)), min_size=1, max_size=3)


@dataclass(frozen=True)
class End:
    """A transaction ends."""

    producer_id: int
    commit: bool


_steps = st.one_of(
    st.builds(OffsetsCommitted, _groups, _offsets),
    st.builds(OffsetsPending, _groups, _producers, _offsets),
    st.builds(End, _producers, st.booleans()),
    st.builds(OffsetsDeleted, _groups, st.lists(_partitions, max_size=3)),
    st.builds(GroupDeleted, _groups),
    st.builds(TopicDeleted, _topics),
)


@dataclass
class Plain:
    """Committed offsets by (group, partition), pending ones by (producer id, group, partition)."""

    committed: dict[tuple[str, PartitionId], Offset] = field(default_factory=dict)
    pending: dict[tuple[int, str, PartitionId], Offset] = field(default_factory=dict)

    def apply(self, step: Entry | End) -> None:
        """The same step."""
        match step:
            case OffsetsCommitted():
                self.committed |= {(step.group, each.where): each for each in step.offsets}
            case OffsetsPending():
                self.pending |= {(step.producer_id, step.group, each.where): each for each in step.offsets}
            case End():
                ended = {key: each for key, each in self.pending.items() if key[0] == step.producer_id}
                self.pending = {key: each for key, each in self.pending.items() if key not in ended}
                if step.commit:
                    self.committed |= {key[1:]: each for key, each in ended.items()}
            case OffsetsDeleted():
                for partition in step.partitions:
                    self.committed.pop((step.group, partition), None)
            case GroupDeleted():
                self.committed = {key: each for key, each in self.committed.items() if key[0] != step.group}
            case TopicDeleted():
                self.committed = {key: each for key, each in self.committed.items() if each.topic != step.name}
                self.pending = {key: each for key, each in self.pending.items() if each.topic != step.name}


def _same(offsets: Offsets, plain: Plain) -> None:
    for group in GROUPS:
        assert offsets.of_group(group) == {key[1]: each for key, each in plain.committed.items() if key[0] == group}
        waiting = {key[2] for key in plain.pending if key[1] == group}
        assert {each for each in _all_partitions() if offsets.is_pending(group, each)} == waiting
        assert offsets.is_in_use(group) == bool(offsets.of_group(group) or waiting)
    assert set(offsets.groups()) == {group for group, _ in plain.committed}


def _all_partitions() -> list[PartitionId]:
    return [(topic, number) for topic in TOPICS for number in NUMBERS]


@given(st.lists(_steps, max_size=25))
def test_they_are_what_the_plainest_way_keeps(steps: list[Entry | End]) -> None:
    """After every step, and after a restart; what is pending in a topic goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal", Flusher(FsyncPolicy.NEVER))
        offsets, plain = Offsets(journal), Plain()
        for step in steps:
            if isinstance(step, End):
                offsets.end_transaction(step.producer_id, commit=step.commit)
            else:
                offsets.apply(step)
            plain.apply(step)
            _same(offsets, plain)
        restored = Offsets(journal)
        for entry in offsets.entries():
            restored.apply(entry)
        _same(restored, plain)
        for producer_id in PRODUCERS:
            restored.end_transaction(producer_id, commit=True)
            plain.apply(End(producer_id, commit=True))
        _same(restored, plain)


@given(st.lists(st.tuples(st.booleans(), _groups, _partitions)))
def test_a_table_finds_by_topic_what_it_finds_by_group(steps: list[tuple[bool, str, PartitionId]]) -> None:
    """And nothing is left of a group or a topic without values."""
    table: OffsetTable[int] = OffsetTable()
    for put, group, partition in steps:
        if put:
            table.put(group, partition, 1)
        else:
            table.drop(group, partition)
        by_group = {(group, partition) for group, values in table.groups.items() for partition in values}
        by_topic = [each for topic in TOPICS for each in table.of_topic(topic)]
        assert sorted(by_topic) == sorted(by_group)
        assert all(table.groups.values())
