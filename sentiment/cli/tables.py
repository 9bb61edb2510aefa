"""Tables and lines on stdout: one look for every command, and nothing in a cell can steer the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentiment.terminal import printable

# Without a terminal nobody says how wide the page is: every table takes the room it needs, and nothing is cut.
_NO_LIMIT = 10_000
# Longer words are folded all the same: a text of thousands of characters would widen every line of its table.
_MAX_WORDS_WIDTH = 100


def output() -> Console:
    """Return the console that prints to stdout, as wide as the terminal or, without one, as its content."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _NO_LIMIT
    return console


def line(text: str, style: str = "") -> Text:
    """Return `text` as one line that is safe to print."""
    return Text(printable(text), style=style)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, title: str = "", words: Collection[str] = ()
) -> Table:
    """Return a table of `rows`; the end of a shorter row stays empty.

    The first column and those named in `words` are aligned to the left, the others hold figures and are aligned to the
    right. A cell that is a string is made printable; a ``Text`` keeps its style.
    """
    made = Table(title=title or None, box=SIMPLE, title_justify="left", title_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        is_words = number == 0 or column in words
        made.add_column(
            column,
            justify="left" if is_words else "right",
            max_width=_MAX_WORDS_WIDTH if is_words else None,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else line(cell) for cell in row))
    return made
