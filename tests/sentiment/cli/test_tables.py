"""Tables look the same in every command, and no cell of one can steer the terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from sentiment.cli.tables import line, output, table

LONG = "word " * 60


def printed(capsys: pytest.CaptureFixture[str], *parts: object) -> list[str]:
    for part in parts:
        output().print(part)
    return [row.rstrip() for row in capsys.readouterr().out.splitlines()]


def test_without_a_terminal_no_row_is_cut_or_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is one line however many columns there are, whatever the environment says of columns."""
    monkeypatch.setenv("COLUMNS", "40")
    cells = [f"figure {number}" for number in range(30)]
    shown = printed(capsys, table([str(number) for number in range(30)], [cells]), line(LONG))
    assert all(cell in shown[3] for cell in cells)
    assert LONG.rstrip() in shown


def test_long_words_are_folded_and_none_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """A long text does not widen every row of its table; all of it is there."""
    shown = printed(capsys, table(("row", "text"), [("1", "x" * 250)], words=("text",)))
    assert max(map(len, shown)) < 120
    assert sum(row.count("x") for row in shown[3:]) == 250


def test_figures_are_aligned_right_and_words_left(capsys: pytest.CaptureFixture[str]) -> None:
    """The first column holds words; others do where they are named."""
    rows = [("a", "1", "x"), ("bbb", "1,000", "yyy")]
    shown = printed(capsys, table(("name", "figure", "note"), rows, words=["note"]))
    assert shown[3:5] == [" a           1   x", " bbb     1,000   yyy"]


@given(st.text(max_size=50))
def test_cells_are_neither_markup_nor_escapes(cell: str) -> None:
    """What is in square brackets stays, and nothing unprintable comes through."""
    console = Console(width=200, file=StringIO(), markup=False, emoji=False)
    console.print(table(("cell",), [(f"[red]{cell}\x1b[2J:smile:",)]))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert "[red]" in shown
    assert ":smile:" in shown
    assert "\x1b" not in shown


def test_a_styled_cell_keeps_its_style() -> None:
    """A ``Text`` is taken as it is."""
    cell = Text("pass", "green")
    assert list(table(("check",), [(cell,)]).columns[0].cells) == [cell]
