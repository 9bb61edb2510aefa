"""The interface of a channel: one attempt to deliver one alert to one receiver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sentiment.events import Alert


class DeliveryOutcome(StrEnum):
    """The result of an attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The receiver will never accept this alert, so another attempt would fail too."""

    UNAVAILABLE = "unavailable"
    """The receiver may accept it later."""

    MISCONFIGURED = "misconfigured"
    """The address, the key or the format is wrong. It may accept the alert once somebody has mended that."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An outcome, with a reason that is safe to log: it contains no address, secret or text."""

    outcome: DeliveryOutcome
    reason: str = ""
    retry_after_s: float | None = None
    """How long the receiver asks to wait."""


class Channel(Protocol):
    """A receiver of alerts. `name` is a metric label."""

    name: str

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Try once, within a limited time. Raises nothing for a failure of the receiver.

        After a crash the same alert may come again, so send along what makes that harmless, such as an idempotency key.
        """

    def close(self) -> None:
        """Give up what it holds open."""
