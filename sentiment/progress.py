"""How long work says how far it is, without knowing who looks: the command line's ticker, or nobody."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of phases, of rows done in them, and of what is worth a line."""

    def begin(self, what: str, total: int | None, done: int = 0, *, after: int = 0) -> None:
        """A phase of `total` rows begins, of which `done` are done already. What follows it takes as long as `after`
        rows of it; 0 if nothing does, or nobody knows.
        """
        ...

    def at(self, done: int) -> None:
        """So many rows are done in this phase."""
        ...

    def say(self, message: str) -> None:
        """Something worth knowing now."""
        ...


class Silent:
    """Nobody looks."""

    def begin(self, what: str, total: int | None, done: int = 0, *, after: int = 0) -> None:
        """Nothing."""

    def at(self, done: int) -> None:
        """Nothing."""

    def say(self, message: str) -> None:
        """Nothing."""


def clock(seconds: float) -> str:
    """`seconds` as minutes and seconds, with hours if there are any: 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
