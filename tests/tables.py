"""What a table shows on pages of other widths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from rich.cells import cell_len

from sentiment.cli import tables

FIGURE = re.compile(r"[+−-]?\d[\d,.]*\d%?|\d%?")


def figures(shown: list[str]) -> Counter[str]:
    """Every figure in the lines, and how often."""
    return Counter(FIGURE.findall("\n".join(shown)))


def require_whole_figures(
    show: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `show` prints has the same figures on every page, in lines that fit it. In a pipe none ends with blanks."""
    capsys.readouterr()
    show()
    unlimited = capsys.readouterr().out.splitlines()
    assert all(row == row.rstrip() for row in unlimited)
    wanted = figures(unlimited)
    assert wanted
    for width in (*range(40, 121, 8), 200):
        monkeypatch.setattr(tables, "NO_LIMIT", width)
        show()
        shown = capsys.readouterr().out.splitlines()
        assert not wanted - figures(shown), width
        assert all(cell_len(row.rstrip()) <= width for row in shown), width
