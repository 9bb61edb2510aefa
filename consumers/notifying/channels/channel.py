"""What a channel is: one attempt to hand one alert to one receiver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sentiment.events import Alert


class DeliveryOutcome(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The receiver will never take it: another attempt would fail alike."""

    UNAVAILABLE = "unavailable"
    """It may be taken later."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An outcome and its reason, which is safe to log: it holds no address, secret or text."""

    outcome: DeliveryOutcome
    reason: str = ""
    retry_after_s: float | None = None
    """How long the receiver asked to be left alone."""


class Channel(Protocol):
    """A receiver of alerts. `name` is a metric label."""

    name: str

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Try once, within a bounded time; raises nothing for a fault of the receiver.

        The same alert may come again after a crash: whatever makes that harmless (an idempotency key) goes along.
        """

    def close(self) -> None:
        """Give up what it holds open."""
