"""Tables look the same in every command, and no cell of one can steer the terminal."""

from __future__ import annotations

import re
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sentiment.cli.tables import line, output, table
from tests.tables import figures

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
    """A ``Text`` is taken as it is, also where it is wrapped."""
    console = Console(width=40, file=StringIO(), force_terminal=True, color_system="standard")
    console.print(table(("check", "figure"), [(Text("pass", "green"), Text("0.123 [0.101, 0.145]", "red"))]))
    console.print(table(("a" * 20, "figure"), [("", Text("0.123 [0.101, 0.145]", "red"))]))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert "\x1b[32mpass" in shown
    assert "\x1b[31m0.123 [0.101, 0.145]\x1b[0m" in shown
    assert re.search(r"\x1b\[31m *0\.123\x1b\[0m\n.*\x1b\[31m\[0\.101, 0\.145\]", shown)


measured = st.one_of(
    st.integers(0, 10**9).map("{:,}".format),
    st.floats(-9, 9).map("{:+.3f}".format),
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map("{0[0]:.3f} [{0[1]:.3f}, {0[2]:.3f}]".format),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map("{0[0]:.3f} · {0[1]:.1%}".format),
    st.just(""),
)
names = st.text("ab cä字", max_size=30)
heads = st.sampled_from(
    ["rows", "macro-F1", "mean gap [95 %]", "against the others", "value [95% interval]", "CPU ms/text"]
)


@st.composite
def sheets(draw: st.DrawFn) -> tuple[list[str], list[list[str]], list[str]]:
    """Heads, rows and the heads of columns of words, as the commands have them."""
    n_columns = draw(st.integers(1, 12))
    columns = [f"{draw(heads)} {number}" for number in range(n_columns)]
    words = [name for name in columns[1:] if draw(st.integers(0, 3)) == 0]
    kinds = [names if number == 0 or name in words else measured for number, name in enumerate(columns)]
    return columns, draw(st.lists(st.tuples(*kinds).map(list), max_size=4)), words


def drawn(made: object, width: int, *, terminal: bool = False) -> list[str]:
    console = Console(width=width, file=StringIO(), markup=False, emoji=False, highlight=False, force_terminal=terminal)
    console.print(made)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@settings(max_examples=300)
@given(sheets(), st.integers(40, 200))
def test_no_page_is_too_narrow_for_a_figure(sheet: tuple[list[str], list[list[str]], list[str]], width: int) -> None:
    """Every figure is whole as often as the rows have it, no line is too wide, and none ends with a blank."""
    columns, rows, words = sheet
    shown = drawn(table(columns, rows, words=words, title="by class"), width)
    assert all(cell_len(row) <= width for row in shown)
    assert all(row == row.rstrip() for row in shown)
    data = [cell for row in rows for name, cell in zip(columns[1:], row[1:], strict=True) if name not in words]
    assert not figures(data) - figures(shown)
    for row in rows:
        assert not Counter(row[0].replace(" ", "")) - Counter("".join(shown))


@given(sheets(), st.integers(40, 200))
def test_a_page_that_is_wide_enough_changes_nothing(
    sheet: tuple[list[str], list[list[str]], list[str]], width: int
) -> None:
    """A table that fits looks as in a pipe, where there is no limit."""
    columns, rows, words = sheet
    unlimited = drawn(table(columns, rows, words=words), 10_000)
    needed = max(map(cell_len, unlimited))
    assert drawn(table(columns, rows, words=words), needed + 2) == unlimited
    if needed + 2 <= width:
        assert drawn(table(columns, rows, words=words), width) == unlimited


def test_a_figure_wider_than_the_page_is_not_cut() -> None:
    """It goes on in the next line."""
    shown = drawn(table(("n", "figure"), [("name", "1" * 60)]), 40)
    assert sum(row.count("1") for row in shown) == 60
    assert all(len(row) <= 40 for row in shown)


def test_every_table_goes_this_way() -> None:
    """Rich's own tables cut what does not fit; only the demo's display, which is a picture, may use them."""
    root = Path(__file__).parents[3]
    users = {
        path.relative_to(root).as_posix()
        for package in ("sentiment", "consumers", "training")
        for path in (root / package).rglob("*.py")
        if "rich.table" in path.read_text("utf-8")
    }
    assert users == {"sentiment/cli/tables.py", "consumers/demo/view.py"}
