"""An evaluation on the terminal: the figures that are read first, then classes, slices and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentiment.terminal import printable

if TYPE_CHECKING:
    from sentiment.statistics import Estimate
    from training.evaluation.judgement import Judgement
    from training.evaluation.records import Evaluation, SliceQuality

# Wide enough for every table here where nobody's terminal says how wide it is.
_WIDTH_WITHOUT_TERMINAL = 110


def print_judgement(judgement: Judgement, *, n_errors: int) -> None:
    """Tables on stdout; at most `n_errors` errors with their redacted texts."""
    console = _console()
    evaluation = judgement.evaluation
    of_file = "" if evaluation.n == judgement.data.n_in_file else f", a sample of {judgement.data.n_in_file:,}"
    console.print(f"{judgement.model.name} {judgement.model.version} with {judgement.backend}", highlight=False)
    console.print(f"{evaluation.n:,} rows of {judgement.data.file}{of_file}\n", highlight=False, markup=False)
    console.print(_overall(evaluation))
    console.print(_classes(evaluation))
    console.print(_confusion(evaluation))
    for kind, slices in evaluation.slices.items():
        if slices:
            console.print(_slices(kind, slices))
        else:
            console.print(f"by {kind}: the rows do not say\n", highlight=False)
    if n_errors:
        console.print(_errors(judgement, n_errors))
    if (reproduction := judgement.reproduction) is not None:
        verdict = "reproduced" if reproduction.agrees else "NOT reproduced"
        console.print(
            f"manifest: its {len(reproduction.figures)} {reproduction.form} figures on these rows are {verdict} "
            f"(largest difference {reproduction.largest_difference:.6f})",
            highlight=False,
        )


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=SIMPLE, title_justify="left", title_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _ends(measure: Estimate) -> str:
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def _overall(evaluation: Evaluation) -> Table:
    reliability = evaluation.reliability
    table = _table("overall", "", f"value [{evaluation.level:.0%} interval]", "")
    table.add_row("macro-F1", _ends(evaluation.macro_f1), "")
    table.add_row("macro-recall", _ends(evaluation.macro_recall), "")
    table.add_row("accuracy", _ends(evaluation.accuracy), "")
    table.add_row("ECE", _ends(reliability.ece), f"{reliability.ece_by_chance:.3f} by chance if perfect")
    table.add_row("Brier", _ends(reliability.brier), "0 … 2, less is better")
    table.add_row("log loss", _ends(reliability.nll), "nats")
    return table


def _classes(evaluation: Evaluation) -> Table:
    table = _table("by class", "class", "rows", "precision", "recall", "F1")
    for label, quality in evaluation.by_class.items():
        table.add_row(
            label, f"{quality.n:,}", _ends(quality.precision), _ends(quality.recall), _ends(quality.f1)
        )  # fmt: skip
    return table


def _confusion(evaluation: Evaluation) -> Table:
    table = _table("confusion", "label \\ answer", *evaluation.by_class)
    for label, row in zip(evaluation.by_class, evaluation.confusion, strict=True):
        table.add_row(label, *(f"{count:,}" for count in row))
    return table


def _slices(kind: str, slices: tuple[SliceQuality, ...]) -> Table:
    table = _table(f"by {kind}", kind, "rows", "macro-F1", "accuracy", "ECE", "")
    for piece in slices:
        note = f"{piece.n_merged} merged" if piece.n_merged else ""
        if piece.small:
            note = f"{note}, few rows".removeprefix(", ")
        table.add_row(
            _plain(piece.name), f"{piece.n:,}", _ends(piece.macro_f1), _ends(piece.accuracy), f"{piece.ece:.3f}", note
        )
    return table


def _errors(judgement: Judgement, count: int) -> Table:
    table = Table(title="surest errors", box=SIMPLE, title_justify="left", title_style="bold", pad_edge=False)
    for column in ("row", "label", "answer", "sure"):
        table.add_column(column, no_wrap=True)
    table.add_column("text", overflow="fold")
    for mistake in judgement.errors[:count]:
        table.add_row(
            str(mistake.row), mistake.label, mistake.chosen, f"{mistake.confidence:.2f}", _plain(mistake.text)
        )
    return table


def _plain(text: str) -> Text:
    """Words of others: neither rich's markup nor a terminal's escape sequences in them have a meaning here."""
    return Text(printable(text))
