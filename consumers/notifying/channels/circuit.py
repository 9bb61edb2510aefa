"""A circuit breaker: when to try a channel again that has failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from consumers.timing.backoff import Backoff


class Circuit:
    """Waits with jitter after each failure.

    After `max_attempts` failures in a row it opens, and then allows one attempt every `open_s`. A success closes it.
    Time is an argument.
    """

    def __init__(self, max_attempts: int, *, open_s: float, seed: int | None = None) -> None:
        self._backoff = Backoff(max_attempts, base_s=0.5, max_s=open_s, seed=seed)
        self._open = timedelta(seconds=open_s)
        self._not_before: datetime | None = None
        self.is_open = False

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._backoff.failures

    def allows(self, now: datetime) -> bool:
        """Whether to make an attempt now."""
        return self._not_before is None or now >= self._not_before

    def failed(self, now: datetime, retry_after_s: float | None = None) -> None:
        """Note a failed attempt. The receiver may have asked to wait."""
        delay_s = self._backoff.next_delay()
        self.is_open = delay_s is None
        pause = self._open if delay_s is None else timedelta(seconds=delay_s)
        self._not_before = now + max(pause, timedelta(seconds=retry_after_s or 0.0))

    def succeeded(self) -> None:
        """Note a delivery."""
        self._backoff.reset()
        self._not_before = None
        self.is_open = False
