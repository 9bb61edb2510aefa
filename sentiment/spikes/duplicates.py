"""Events that come more than once: a producer that retries without idempotence, or a replay.

Each copy has its own position and its own result, so only the id of the event shows that it was counted before. The ids
of the latest results of a partition are remembered, as hashes. A copy that comes later than that counts again.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

DUPLICATE_RESULTS = 20_000
"""Results of a partition in which a copy is recognised: about 3 MB, and a fraction of a second to read back."""


def event_key(segment: str, event_id: str, position: str) -> int | None:
    """64 bits that identify an event of a segment; None if its id is only its `position`, which no other event has.

    Two different events among the remembered ones share a key with a probability of about 1e-11.
    """
    if event_id == position:
        return None
    return int.from_bytes(blake2b(f"{segment}\0{event_id}".encode(), digest_size=8).digest())


class RecentEvents:
    """The events in the last `reach` offsets of a partition. What it knows follows from these offsets alone."""

    def __init__(self, reach: int = DUPLICATE_RESULTS) -> None:
        self._reach = reach
        self._latest: dict[int, int] = {}
        self._order: deque[tuple[int, int]] = deque()

    def add(self, offset: int, key: int | None) -> bool:
        """Note the event of the result at `offset`. Returns whether it is in the memory already."""
        while self._order and self._order[0][0] <= offset - self._reach:
            old, gone = self._order.popleft()
            if self._latest[gone] == old:
                del self._latest[gone]
        if key is None:
            return False
        known = key in self._latest
        self._latest[key] = offset
        self._order.append((offset, key))
        return known

    def __len__(self) -> int:
        return len(self._latest)
