"""How long to wait after a transient failure, and when to give up."""

from __future__ import annotations

import random


class Backoff:
    """Exponential delays with full jitter, starting again after a success.

    The n-th delay in a row is uniform between a tenth of min(max_s, base_s × 2ⁿ⁻¹) and all of it, so that workers that
    lost the same broker do not come back at the same moment. Without a `limit` it never gives up.
    """

    def __init__(
        self, limit: int | None, *, base_s: float = 0.25, max_s: float = 15.0, seed: int | None = None
    ) -> None:
        self._limit = limit
        self._base_s = base_s
        self._max_s = max_s
        self._random = random.Random(seed)  # noqa: S311 jitter, not a secret
        self.failures = 0

    def next_delay(self) -> float | None:
        """Seconds to wait before the next attempt. None after `limit` failures in a row."""
        self.failures += 1
        if self._limit is not None and self.failures >= self._limit:
            return None
        bound = min(self._max_s, self._base_s * 2.0 ** min(self.failures - 1, 30))
        return self._random.uniform(bound / 10, bound)

    def reset(self) -> None:
        """Something succeeded."""
        self.failures = 0
