"""Producer ids: each is given to one producer only, whatever crashes in between."""

from collections.abc import Iterator

from consumers.broker.entries import Entry, ProducerIdsReserved
from consumers.broker.journal import Journal

_BLOCK = 1000
"""Ids are reserved in the journal by so many at a time."""


class ProducerIds:
    """`recover` has to be called when the journal was read."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._next = self._reserved_until = 1

    def new(self) -> int:
        """An id that no producer of this data folder ever had."""
        if self._next >= self._reserved_until:
            entry = ProducerIdsReserved(self._next + _BLOCK)
            self._journal.write(entry)
            self.apply(entry)
        self._next += 1
        return self._next - 1

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect; entries of other kinds change nothing."""
        if isinstance(entry, ProducerIdsReserved):
            self._reserved_until = entry.until

    def recover(self) -> None:
        """Skip what was left of the last block: it may have been given out before the restart."""
        self._next = self._reserved_until

    def skip(self, producer_id: int) -> None:
        """Never give out `producer_id` or a smaller one: it is in use, though the journal may not say so any more."""
        self._reserved_until = max(self._reserved_until, producer_id + 1)

    def entries(self) -> Iterator[Entry]:
        """Entries that describe the present state."""
        yield ProducerIdsReserved(self._reserved_until)
