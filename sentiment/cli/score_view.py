"""Scores on the terminal: a row for each text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from sentiment.cli.tables import LABEL_COLOURS, FittedTable, line, table
from sentiment.scoring import Answer


def scores_table(answers: Iterable[Answer | str]) -> FittedTable:
    """Return the table of `answers`; a string is the reason why there is none."""
    return table(("label", "score", "sure", "text"), map(_row, answers), words=("text",))


def _row(answer: Answer | str) -> tuple[str | Text, ...]:
    if isinstance(answer, str):
        return "–", "", "", line(f"not scored: {answer}", style="red")
    share = max(answer.probabilities.negative, answer.probabilities.neutral, answer.probabilities.positive)
    label = Text(answer.label, LABEL_COLOURS[answer.label])
    text = Text.assemble(line(answer.text), (_note(answer), "bright_black"))
    return label, f"{answer.score:+.3f}", f"{share:.0%}", text


def _note(answer: Answer) -> str:
    notes = []
    if answer.no_evidence:
        notes.append("nothing to go by")
    if answer.unsupported_language:
        notes.append(f"another language ({answer.language})")
    if answer.truncated:
        notes.append("end not read")
    return f" ({'; '.join(notes)})" if notes else ""
