"""Which records a worker was trying, kept as the metadata of the committed offset, where the next owner finds it.

A mark is a commit of the unchanged offset. The next normal commit of the partition removes it. So a mark that is found
says that its writer died while it was trying these records, unless the writer is still in the group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARK = re.compile(
    r"trying=(\d{1,19})-(\d{1,19});deaths=(\d{1,9});parked=(\d{1,9});pace=(fast|slow);member=(.{1,1000})"
)

_FAST_TRIALS = 2
"""Deaths alone, and at once, that a record is allowed: somebody may have killed the worker just then."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`first` to `last` are offsets, both included. `deaths` 0: all of them were tried together; else `first` was tried
    alone, after it had been there at so many deaths, and the others are still to be tried alone.

    `parked` records in a row were parked before. `slow`: the attempt had taken long when this was written. `member` is
    the group member that wrote it.
    """

    first: int
    last: int
    deaths: int = 0
    parked: int = 0
    slow: bool = False
    member: str = ""

    def encode(self) -> str:
        """The metadata of the offset."""
        pace = "slow" if self.slow else "fast"
        counts = f"deaths={self.deaths};parked={self.parked};pace={pace}"
        return f"trying={self.first}-{self.last};{counts};member={self.member}"

    @staticmethod
    def decode(metadata: str | None) -> Mark | None:
        """The mark in the metadata of an offset; None if there is none, or that of another program."""
        found = _MARK.fullmatch(metadata or "")
        if found is None:
            return None
        first, last, deaths, parked = (int(found[n]) for n in range(1, 5))
        return Mark(first, last, deaths, parked, found[5] == "slow", found[6])

    @property
    def condemns(self) -> bool:
        """Whether `first` is to be parked, now that the writer has died."""
        return self.deaths > 0 and (self.slow or self.deaths >= _FAST_TRIALS)


@dataclass(frozen=True, slots=True)
class Suspects:
    """The records of one partition that are tried alone: `first` to `last`. `first` has been there at `deaths` deaths;
    if `condemned`, it is parked untried. `parked` in a row were parked before it.
    """

    first: int
    last: int
    deaths: int = 1
    condemned: bool = False
    parked: int = 0

    @staticmethod
    def after_death(mark: Mark) -> Suspects:
        """What follows from the death of the worker that wrote `mark`."""
        return Suspects(mark.first, mark.last, mark.deaths + 1, mark.condemns, mark.parked)

    def covers(self, offset: int) -> bool:
        """Whether the record at `offset` is tried alone. A condemned one may be gone: then the rest is just tried."""
        return self.first <= offset <= self.last

    def condemns(self, offset: int) -> bool:
        """Whether the record at `offset` is parked."""
        return self.condemned and offset == self.first

    def attempt(self, offset: int, member: str, *, slow: bool = False) -> Mark:
        """The mark of trying `offset` alone."""
        deaths = self.deaths if offset == self.first else 1
        return Mark(offset, self.last, deaths, self.parked, slow, member)

    def settled(self, next_offset: int) -> Suspects | None:
        """What is left when everything before `next_offset` is done; None: nothing."""
        if next_offset > self.last:
            return None
        if next_offset <= self.first:
            return self
        return Suspects(next_offset, self.last, parked=self.parked + 1 if self.condemned else 0)
