"""Alerts for the person at the terminal."""

from __future__ import annotations

from datetime import datetime
from typing import TextIO

from consumers.notifying.channels.channel import Attempt, Outcome
from sentiment.events import Alert


class ConsoleChannel:
    """Writes each alert as a line, and its examples indented below."""

    name = "console"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Always delivered; a terminal that is gone ends the process like any program."""
        self._stream.write(as_text(alert))
        self._stream.flush()
        return Attempt(Outcome.DELIVERED)


def as_text(alert: Alert) -> str:
    """The alert in lines, each ended; examples only where it starts or worsens."""
    lines = [f"{alert.status.upper()} {alert.severity} · {_printable(alert.message)}"]
    if alert.status == "firing":
        lines += [f"    “{_printable(exemplar)}”" for exemplar in alert.exemplars]
    return "".join(f"{line}\n" for line in lines)


def _printable(text: str) -> str:
    """Feedback may hold control characters that would drive the reader's terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
