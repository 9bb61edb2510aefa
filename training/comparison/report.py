"""The comparison as a Markdown page, for a document or a merge request."""

from __future__ import annotations

from collections.abc import Sequence

from training.comparison.records import Comparison
from training.comparison.sheets import Sheet, notes, sheets


def markdown(comparison: Comparison) -> str:
    """All sheets and the notes; ends with a line break."""
    title = f"# {len(comparison.models)} models on {comparison.conditions.data}"
    tables = [f"## {sheet.title}\n\n{_table(sheet)}" for sheet in sheets(comparison)]
    return "\n\n".join([title, *tables, "\n".join(f"- {note}" for note in notes(comparison))]) + "\n"


def _table(sheet: Sheet) -> str:
    alignment = ["---", *("---:" for _ in sheet.columns[1:])]
    return "\n".join(_line(row) for row in (sheet.columns, alignment, *sheet.rows))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
