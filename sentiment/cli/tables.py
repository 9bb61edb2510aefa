"""Tables and lines on stdout: one look for every command, and nothing in a cell can steer the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rich.box import SIMPLE
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from sentiment.cli.column_widths import Cells, Piece, lay_out
from sentiment.events import Label
from sentiment.terminal import printable

NO_LIMIT = 10_000
"""The width without a terminal: nobody says how wide the page is, so every table takes the room it needs."""

LABEL_COLOURS: dict[Label, str] = {"negative": "red", "neutral": "bright_black", "positive": "green"}
"""The colour of a label, as rich and click both name it."""


def output() -> Console:
    """Return the console that prints to stdout, as wide as the terminal or, without one, as its content."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = NO_LIMIT
    return console


def line(text: str, style: str = "") -> Text:
    """Return `text` as one line that is safe to print."""
    return Text(printable(text), style=style)


class FittedTable:
    """A table that fits the page without cutting a figure. No line of it ends with blanks.

    Words are wrapped first, then what is between two figures. If that is not enough, the columns are split into
    several tables, each with the first column.
    """

    def __init__(self, columns: Sequence[Cells], title: str) -> None:
        self._columns = columns
        self._title = title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the segments of all pieces."""
        if self._title:
            yield Text(self._title, style="bold")
        for piece in lay_out(self._columns, options.max_width):
            for segments in console.render_lines(_drawn(piece), options, pad=False):
                yield from _without_end_blanks(segments)
                yield Segment.line()


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, title: str = "", words: Collection[str] = ()
) -> FittedTable:
    """Return a table of `rows`; the end of a shorter row stays empty.

    The first column and those named in `words` are aligned to the left, the others hold figures and are aligned to the
    right. A cell that is a string is made printable; a ``Text`` keeps its style.
    """
    safe = [[cell if isinstance(cell, Text) else line(cell) for cell in row] for row in rows]
    made = [
        Cells(
            line(name),
            tuple(row[number] if number < len(row) else Text() for row in safe),
            words=number == 0 or name in words,
        )
        for number, name in enumerate(columns)
    ]
    return FittedTable(made, printable(title))


def _drawn(piece: Piece) -> Table:
    made = Table(box=SIMPLE, pad_edge=False)
    for column, width in zip(piece.columns, piece.widths, strict=True):
        made.add_column(column.head, justify="left" if column.words else "right", width=width, overflow="fold")
    for row in zip(
        *(column.broken(width) for column, width in zip(piece.columns, piece.widths, strict=True)), strict=True
    ):
        made.add_row(*row)
    return made


def _without_end_blanks(segments: Sequence[Segment]) -> Iterator[Segment]:
    left = list(segments)
    while left and not left[-1].text.rstrip(" "):
        left.pop()
    yield from left[:-1]
    if left:
        yield Segment(left[-1].text.rstrip(" "), left[-1].style)
