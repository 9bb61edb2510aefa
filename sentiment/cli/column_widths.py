"""How wide each column of a table is on a page of a given width, such that no figure is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len
from rich.text import Text

_GAP = 3
"""Blanks between two columns."""
_EDGES = 2
# Longer words are wrapped all the same: a text of thousands of characters would widen every line of its table.
_MAX_WORDS_WIDTH = 100
# Longer words without a blank are broken: an address, or a name that somebody made up. No figure is as long.
_MAX_ATOM_WIDTH = 24
# What stays together: a pair of brackets, or what is between blanks.
_ATOM = re.compile(r"\[[^\]]*\]|\([^)]*\)|\S+")


@dataclass(frozen=True)
class Cells:
    """A column: its head, and a cell for each row. Columns of `words` are wrapped before those of figures."""

    head: Text
    cells: tuple[Text, ...]
    words: bool

    @cached_property
    def widest(self) -> int:
        """The width at which nothing is wrapped."""
        widest = max(cell_len(cell.plain) for cell in (self.head, *self.cells))
        return min(widest, _MAX_WORDS_WIDTH) if self.words else widest

    @cached_property
    def whole(self) -> int:
        """The width at which no figure is wrapped, but words and the head are."""
        if self.words:
            return self.narrowest
        return max([_longest_atom(self.head), *(cell_len(cell.plain) for cell in self.cells)])

    @cached_property
    def narrowest(self) -> int:
        """The width at which no figure is broken."""
        longest = max(map(_longest_atom, (self.head, *self.cells)))
        return min(longest, _MAX_ATOM_WIDTH) if self.words else longest

    def broken(self, width: int) -> Iterator[Text]:
        """The cells for this width. Those of figures have line ends between their atoms; words are left as they are."""
        for cell in self.cells:
            yield cell if self.words or cell_len(cell.plain) <= width else _broken(cell, width)


@dataclass(frozen=True, slots=True)
class Piece:
    """Columns that stand side by side, with their widths."""

    columns: Sequence[Cells]
    widths: Sequence[int]


def lay_out(columns: Sequence[Cells], width: int) -> Iterator[Piece]:
    """Yield the columns in as few pieces as fit into `width`; each starts with the first column."""
    if _fits([column.narrowest for column in columns], width) or len(columns) < 3:
        yield _side_by_side(columns, width)
        return
    first, *others = columns
    piece: list[Cells] = []
    for column in others:
        if piece and not _fits([each.whole for each in (first, *piece, column)], width):
            yield _side_by_side([first, *piece], width)
            piece = []
        piece.append(column)
    yield _side_by_side([first, *piece], width)


def _side_by_side(columns: Sequence[Cells], width: int) -> Piece:
    """Share out the page: the least that each needs, then whole figures, then heads and words."""
    widths = [column.narrowest for column in columns]
    spare = width - _around(len(columns)) - sum(widths)
    if spare < 0:  # rather break a name than a figure
        widths[0] = max(widths[0] + spare, 1)
        return Piece(columns, widths)
    for wanted in ([column.whole for column in columns], [column.widest for column in columns]):
        for place in sorted(range(len(columns)), key=lambda place: wanted[place] - widths[place]):
            missing = wanted[place] - widths[place]
            if missing <= spare or columns[place].words:
                given = min(missing, spare)
                widths[place] += given
                spare -= given
    return Piece(columns, widths)


def _fits(widths: Sequence[int], width: int) -> bool:
    return sum(widths) + _around(len(widths)) <= width


def _around(n_columns: int) -> int:
    return _GAP * (n_columns - 1) + _EDGES


def _longest_atom(text: Text) -> int:
    return max((cell_len(atom) for atom in _ATOM.findall(text.plain)), default=1)


def _broken(cell: Text, width: int) -> Text:
    """`cell` with as many atoms a line as fit."""
    lines: list[Text] = []
    start = end = 0
    for atom in _ATOM.finditer(cell.plain):
        if end > start and cell_len(cell.plain[start : atom.end()]) > width:
            lines.append(cell[start:end])
            start = atom.start()
        end = atom.end()
    return Text("\n").join([*lines, cell[start:end]])
