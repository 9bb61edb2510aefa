"""Progress on stderr: a bar on a terminal, and otherwise a plain line every few seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from sentiment.progress import clock
from sentiment.terminal import printable

_LINE_EVERY_S = 5.0
_WHOLE_RATE = 10
_RATE_OVER_S = 30.0
"""The rate is that of the last half minute: a phase begins slowly, and its mean would stay wrong for long."""


class Ticker:
    """Shows how many rows of a phase are done, with rate and time left. Use it as a context manager."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.done = 0
        self.total: int | None = None
        console = Console(stderr=True)
        self._bar = _bar(console) if console.is_terminal else None
        self._task: TaskID | None = None
        self._what = ""
        self._after = 0
        self._seen: deque[tuple[float, int]] = deque()
        self._next_line_s = 0.0

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, what: str, total: int | None, done: int = 0, *, after: int = 0) -> None:
        """Begin a phase of `total` rows (None if unknown), of which `done` are done already.

        What follows takes as long as `after` rows of it.
        """
        self._what, self.total, self.done, self._after = printable(what), total, done, after
        began_s = self._monotonic()
        self._seen = deque([(began_s, done)])
        self._next_line_s = began_s + _LINE_EVERY_S
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(self._what, total=total, completed=done, after=after)

    def at(self, done: int) -> None:
        """Note that `done` rows of this phase are done."""
        self.done = done
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)
            return
        now_s = self._monotonic()
        self._seen.append((now_s, done))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - _RATE_OVER_S:
            self._seen.popleft()
        if now_s >= self._next_line_s:
            self._next_line_s = now_s + _LINE_EVERY_S
            click.echo(self._line(), err=True)

    def say(self, message: str) -> None:
        """Show a message."""
        if self._bar is not None:
            self._bar.console.print(printable(message), markup=False, highlight=False)
        else:
            click.echo(printable(message), err=True)

    def _line(self) -> str:
        (began_s, began_at), (now_s, done) = self._seen[0], self._seen[-1]
        rate = (done - began_at) / max(now_s - began_s, 1e-9)
        shown = f"{rate:,.0f}" if rate >= _WHOLE_RATE else f"{rate:.1f}"
        if self.total is None:
            return f"{self._what}: {self.done:,} rows, {shown} rows/s"
        left = _left(self.total - self.done, self._after, rate)
        return f"{self._what}: {self.done:,} of {self.total:,} rows, {shown} rows/s, {left}"


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Show rows per second, averaged over the last half minute."""
        return Text("" if task.speed is None else f"{task.speed:,.0f} rows/s", style="progress.data.speed")


class _LeftColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Show the time left at the rate of the last half minute."""
        if task.speed is None or task.remaining is None:
            return Text("")
        return Text(_left(task.remaining, task.fields["after"], task.speed), style="progress.remaining")


def _left(rows: float, after: int, rate: float) -> str:
    if rate <= 0:
        return "0:00 left"
    follows = f", {clock((rows + after) / rate)} with all that follows" if after else ""
    return f"{clock(rows / rate)} left{follows}"


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        _LeftColumn(),
    )
    return Progress(*columns, console=console, transient=True, redirect_stdout=False)
