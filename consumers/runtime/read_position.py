"""How far a consumer has read a partition."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """How far a partition is read: the next offset, and the end of the log as the last fetch saw it."""

    position: int | None
    high_watermark: int | None

    @property
    def at_end(self) -> bool:
        """Whether everything is read, so that nothing waits behind an open transaction."""
        return None not in (self.position, self.high_watermark) and self.behind == 0

    @property
    def behind(self) -> int:
        """The number of offsets up to the end of the log, with markers and aborted records. 0 while unknown."""
        if self.position is None or self.high_watermark is None:
            return 0
        return max(0, self.high_watermark - self.position)
