"""The comparison as a Markdown page, for a document or a merge request."""

from __future__ import annotations

from collections.abc import Sequence

from training.comparison.records import ModelComparison
from training.comparison.tables import ReportTable, notes, tables


def markdown(comparison: ModelComparison) -> str:
    """All tables and the notes, with a line break at the end."""
    title = f"# {len(comparison.models)} models on {comparison.conditions.data}"
    sections = [f"## {table.title}\n\n{_markdown_table(table)}" for table in tables(comparison)]
    return "\n\n".join([title, *sections, "\n".join(f"- {note}" for note in notes(comparison))]) + "\n"


def _markdown_table(table: ReportTable) -> str:
    alignment = ["---", *("---:" for _ in table.columns[1:])]
    return "\n".join(_line(row) for row in (table.columns, alignment, *table.rows))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
