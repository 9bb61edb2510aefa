"""The sparse index of one segment: where to start scanning for an offset or a time."""

from array import array
from bisect import bisect_left, bisect_right

INTERVAL_BYTES = 32 * 1024
"""Log bytes per entry. A look-up scans at most this much; an index takes 24 bytes per 32 KiB."""


class SparseIndex:
    """Entries are in log order; each stands for the batches from its position up to that of the next entry.

    `maxima_before` holds the largest timestamp among all batches before the entry. It never falls, so it can be
    searched although timestamps may go back and forth.
    """

    __slots__ = ("maxima_before", "offsets", "positions")

    def __init__(
        self,
        offsets: list[int] | None = None,
        positions: list[int] | None = None,
        maxima_before: list[int] | None = None,
    ) -> None:
        self.offsets = array("q", offsets or [])
        self.positions = array("q", positions or [])
        self.maxima_before = array("q", maxima_before or [])

    def note(self, base_offset: int, position: int, max_timestamp_before_ms: int) -> None:
        """Take note of an appended batch; it becomes an entry if the last entry is far enough back."""
        if not self.positions or position - self.positions[-1] >= INTERVAL_BYTES:
            self.offsets.append(base_offset)
            self.positions.append(position)
            self.maxima_before.append(max_timestamp_before_ms)

    def position_of_offset(self, offset: int) -> int:
        """Where to start scanning for the batch that holds `offset`."""
        return self.positions[max(0, bisect_right(self.offsets, offset) - 1)] if self.positions else 0

    def position_of_time(self, timestamp_ms: int) -> int:
        """Where to start scanning for the first batch with a timestamp of at least `timestamp_ms`."""
        return self.positions[max(0, bisect_left(self.maxima_before, timestamp_ms) - 1)] if self.positions else 0
