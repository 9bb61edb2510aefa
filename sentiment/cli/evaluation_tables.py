"""An evaluation on the terminal: the figures that are read first, then classes, slices and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.cli.tables import FittedTable, line, output, table

if TYPE_CHECKING:
    from sentiment.statistics import Estimate
    from training.evaluation.against import Against
    from training.evaluation.judgement import Judgement
    from training.evaluation.records import Evaluation, SliceQuality


def print_judgement(judgement: Judgement, *, n_errors: int) -> None:
    """Print tables, with at most `n_errors` errors and their redacted texts."""
    console = output()
    evaluation = judgement.evaluation
    of_file = "" if evaluation.n == judgement.data.n_in_file else f", a sample of {judgement.data.n_in_file:,}"
    console.print(line(f"{judgement.model.name} {judgement.model.version} with {judgement.backend}"))
    console.print(line(f"{evaluation.n:,} rows of {judgement.data.file}{of_file}"), end="\n\n")
    console.print(_overall(evaluation))
    console.print(_classes(evaluation))
    console.print(_confusion(evaluation))
    for kind, slices in evaluation.slices.items():
        if slices:
            console.print(_slices(kind, slices))
        else:
            console.print(f"by {kind}: not in the rows\n")
    if n_errors:
        console.print(_errors(judgement, n_errors))
    if judgement.against is not None:
        console.print(_against(judgement.against))
        console.print(line(_rows_of(judgement.against)))
    if (reproduction := judgement.reproduction) is not None:
        verdict = "reproduced" if reproduction.agrees else "NOT reproduced"
        console.print(
            f"manifest: its {len(reproduction.figures)} {reproduction.form} figures on these rows are {verdict} "
            f"(largest difference {reproduction.largest_difference:.6f})"
        )
    if (exits := judgement.exits) is not None:
        verdict = "holds" if exits.holds else "does NOT hold"
        console.print(
            f"early exits: {exits.agreement:.2%} of {exits.n:,} texts get the label of the whole network; "
            f"the guarantee of ≥ {exits.target:.2%} {verdict}; "
            f"{exits.mean_layers:.2f} of {exits.n_layers} layers on average"
        )


def _ends(measure: Estimate) -> str:
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def _overall(evaluation: Evaluation) -> FittedTable:
    reliability = evaluation.reliability
    rows = [
        ("macro-F1", _ends(evaluation.macro_f1), ""),
        ("macro-recall", _ends(evaluation.macro_recall), ""),
        ("accuracy", _ends(evaluation.accuracy), ""),
        *_most_likely(evaluation),
        ("ECE", _ends(reliability.ece), f"{reliability.ece_by_chance:.3f} by chance if perfect"),
        ("Brier", _ends(reliability.brier), "0 … 2, lower is better"),
        ("log loss", _ends(reliability.nll), "nats"),
    ]
    return table(("", f"value [{evaluation.level:.0%} interval]", "note"), rows, title="overall", words=("note",))


def _most_likely(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    likely = evaluation.most_likely
    if likely is None:
        return []
    note = f"of the most likely labels; {likely.n_differing:,} differ"
    return [("macro-F1", _ends(likely.macro_f1), note), ("macro-recall", _ends(likely.macro_recall), note)]


def _classes(evaluation: Evaluation) -> FittedTable:
    rows = (
        (label, f"{quality.n:,}", _ends(quality.precision), _ends(quality.recall), _ends(quality.f1))
        for label, quality in evaluation.by_class.items()
    )
    return table(("class", "rows", "precision", "recall", "F1"), rows, title="by class")


def _confusion(evaluation: Evaluation) -> FittedTable:
    rows = (
        (label, *(f"{count:,}" for count in counts))
        for label, counts in zip(evaluation.by_class, evaluation.confusion, strict=True)
    )
    return table(("label \\ answer", *evaluation.by_class), rows, title="confusion")


def _slices(kind: str, slices: tuple[SliceQuality, ...]) -> FittedTable:
    rows = (
        (piece.name, f"{piece.n:,}", _ends(piece.macro_f1), _ends(piece.accuracy), f"{piece.ece:.3f}", _note(piece))
        for piece in slices
    )
    columns = (kind, "rows", "macro-F1", "accuracy", "ECE", "note")
    return table(columns, rows, title=f"by {kind}", words=("note",))


def _against(found: Against) -> FittedTable:
    rows = (
        (f"{each.kind}: {each.name}", _ends(each.now), _ends(each.before), _signed(each.difference))
        for each in found.figures
    )
    title = f"against {found.model.name} {found.model.version} with {found.backend}"
    return table(("figure", "this", found.file, "difference"), rows, title=title)


def _rows_of(found: Against) -> str:
    if found.same_rows:
        return "both are of the same rows: `sentiment compare` pairs them, which tells smaller differences from chance"
    return f"{found.file} is of other rows: {found.n:,} of {found.data}"


def _signed(measure: Estimate) -> str:
    return f"{measure.value:+.3f} [{measure.low:+.3f}, {measure.high:+.3f}]"


def _note(piece: SliceQuality) -> str:
    notes = [f"{piece.n_merged} merged"] if piece.n_merged else []
    return ", ".join([*notes, "few rows"] if piece.small else notes)


def _errors(judgement: Judgement, count: int) -> FittedTable:
    rows = (
        (str(mistake.row), mistake.label, mistake.chosen, f"{mistake.confidence:.2f}", mistake.text)
        for mistake in judgement.errors[:count]
    )
    columns = ("row", "label", "answer", "sure", "text")
    return table(columns, rows, title="surest errors", words=("label", "answer", "text"))
