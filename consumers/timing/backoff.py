"""How long to wait after a transient fault, and when to give up."""

from __future__ import annotations

import random


class Backoff:
    """Exponential delays with full jitter; a success starts over.

    The n-th delay in a row is uniform in [0, min(max_s, base_s × 2ⁿ)], but at least a tenth of that bound, so that
    many workers that lost the same broker do not come back together.
    """

    def __init__(self, limit: int, *, base_s: float = 0.25, max_s: float = 15.0, seed: int | None = None) -> None:
        self._limit = limit
        self._base_s = base_s
        self._max_s = max_s
        self._random = random.Random(seed)  # noqa: S311 jitter, not a secret
        self.failures = 0

    def next_delay(self) -> float | None:
        """Seconds to wait before the next attempt; None when the limit of failures in a row is reached."""
        self.failures += 1
        if self.failures >= self._limit:
            return None
        bound = min(self._max_s, self._base_s * 2.0 ** (self.failures - 1))
        return self._random.uniform(bound / 10, bound)

    def reset(self) -> None:
        """Something succeeded."""
        self.failures = 0
