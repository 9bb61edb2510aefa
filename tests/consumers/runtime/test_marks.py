"""Marks: what the next owner of a partition learns from the death of the last one."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from consumers.runtime.marks import Mark, Suspects

OFFSETS = st.integers(0, 2**62)
COUNTS = st.integers(0, 99)


@given(
    first=OFFSETS,
    last=OFFSETS,
    deaths=COUNTS,
    parked=COUNTS,
    slow=st.booleans(),
    member=st.text("abcXYZ019.-_;= ", min_size=1, max_size=200),
)
def test_a_mark_survives_as_metadata(first: int, last: int, deaths: int, parked: int, slow: bool, member: str) -> None:
    """Whatever the id of the member looks like."""
    mark = Mark(first, last, deaths, parked, slow, member)
    assert Mark.decode(mark.encode()) == mark
    assert len(mark.encode()) < 4_096  # Kafka's default offset.metadata.max.bytes


@given(st.one_of(st.none(), st.text()))
def test_the_metadata_of_others_is_no_mark(metadata: str | None) -> None:
    """Any text may stand there."""
    assert Mark.decode(metadata) is None


@dataclass
class Partition:
    """A batch that ended the process, and the owners that follow. `kill` is the attempt at which one is killed."""

    n_records: int
    killers: set[int]
    slow: bool
    kill: int | None
    done: list[int] = field(default_factory=list)
    parked: list[int] = field(default_factory=list)
    n_attempts: int = 0

    def own(self, mark: Mark) -> Mark | None:
        """Go on after the owner that wrote `mark` has died. The mark at our death; None: we are done."""
        suspects: Suspects | None = Suspects.after_death(mark)
        offset = mark.first
        while suspects is not None:
            assert suspects.covers(offset)
            if suspects.condemns(offset):
                self.parked.append(offset)
            else:
                self.n_attempts += 1
                kills = offset in self.killers
                if kills or self.n_attempts == self.kill:
                    return suspects.attempt(offset, "m", slow=self.slow and kills)
                self.done.append(offset)
            offset += 1
            suspects = suspects.settled(offset)
        return None


@given(
    n_records=st.integers(1, 12),
    killers=st.sets(st.integers(0, 11)),
    slow=st.booleans(),
    kill=st.none() | st.integers(1, 30),
)
def test_every_killer_is_parked_and_nothing_else(
    n_records: int, killers: set[int], slow: bool, kill: int | None
) -> None:
    """In the end all records are done or parked, in order and once, also if somebody kills a worker meanwhile.

    Each killer costs one more death than that of the batch if it takes its time, else two.
    """
    killers = {offset for offset in killers if offset < n_records}
    partition = Partition(n_records, killers, slow, kill)
    mark: Mark | None = Mark(0, n_records - 1, member="m")
    deaths = 0
    while mark is not None:
        deaths += 1
        mark = partition.own(mark)
    assert partition.parked == sorted(killers)
    assert partition.done == [offset for offset in range(n_records) if offset not in killers]
    assert deaths <= 1 + len(killers) * (1 if slow else 2) + (kill is not None)
