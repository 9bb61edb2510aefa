"""Alerts on the terminal."""

from __future__ import annotations

from datetime import datetime
from typing import TextIO

from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from sentiment.events import Alert
from sentiment.settings import NotifySettings
from sentiment.terminal import printable


class ConsoleChannel:
    """Writes each alert as a line, with its examples indented below."""

    name = "console"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Write it. If nobody reads the console any more, the alert is refused, and the other channels go on."""
        try:
            self._stream.write(as_text(alert))
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: it is closed
            return Attempt(DeliveryOutcome.REFUSED, f"standard output is closed ({type(error).__name__})")
        return Attempt(DeliveryOutcome.DELIVERED)

    def close(self) -> None:
        """The terminal stays open."""


def open_console(notify: NotifySettings, console: TextIO) -> ConsoleChannel | None:
    """The console, unless the settings switch it off."""
    return ConsoleChannel(console) if notify.console else None


def as_text(alert: Alert) -> str:
    """The alert as lines, each with its newline. Examples are shown only while it fires."""
    lines = [f"{alert.status.upper()} {alert.severity} · {printable(alert.message)}"]
    if alert.status == "firing":
        lines += [f"    “{printable(exemplar)}”" for exemplar in alert.exemplars]
    return "".join(f"{line}\n" for line in lines)
