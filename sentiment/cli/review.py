"""`sentiment review`: give texts to annotators, and take their labels back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import DIRECTORY, FILE, OUTPUT, force_option, json_option, seed_option
from sentiment.cli.inputs import text_field_option
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.outputs import check_outputs, print_json_line

if TYPE_CHECKING:
    from sentiment.events import LateLabel
    from sentiment.outputs import Output
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions

_sheet_option = click.option(
    "--output", type=OUTPUT, required=True, metavar="SHEET", help="Sheet to create: .csv or .jsonl."
)


@click.group(
    epilog="""\b
Example:
  sentiment review export --output june.csv --uncertain 100 --random 100
  sentiment review import anna.csv ben.csv --items june.items.jsonl --dataset reviewed --publish
  sentiment train reviewed/v0001/data.jsonl …"""
)
def review() -> None:
    """Export texts for labelling, settle what annotators say, and keep the labels as a versioned data set."""


@review.command(
    "export",
    epilog="""\b
Example:
  sentiment review export --output june.csv --uncertain 100 --random 100
  sentiment review export rescored.parquet --text-field content --output june.csv

Give each annotator a copy of the sheet, to fill in the column `label`: negative, neutral, positive or skip. Keep
SHEET.items.jsonl to yourself: it holds the model's answers, which would bias them.""",
)
@click.argument("results", required=False, type=FILE)
@_sheet_option
@click.option(
    "--uncertain",
    "n_uncertain",
    type=click.IntRange(0),
    default=100,
    metavar="N",
    help="Number of most uncertain texts.",
)
@click.option(
    "--random", "n_random", type=click.IntRange(1), default=100, metavar="N", help="Number of random other texts."
)
@click.option(
    "--by",
    "measure",
    type=click.Choice(["margin", "entropy"]),
    default="margin",
    help="Measure of uncertainty.",
)
@text_field_option("Text column of a rescored file.")
@seed_option
@force_option
@json_option()
@common_options("kafka", "topics")
def export_sheet(
    settings: Settings, results: Path | None, output: Output, text_field: str, force: bool, as_json: bool, **choice: Any
) -> None:
    """Make a labelling sheet from RESULTS, or from the results topic.

    The sheet holds the most uncertain texts and a random sample of the others. RESULTS is what `sentiment tail
    sentiment --json` or `sentiment rescore` wrote. Texts are redacted, none appears twice, and every product gets its
    share.
    """
    from collections import Counter

    from sentiment.cli.review_topic import read_topic
    from training.review.candidates import read_candidates
    from training.review.sampling import choose
    from training.review.sheets import SheetFiles, item_of

    files = SheetFiles.beside(output)
    check_outputs(files.sheet, files.items, force=force, inputs=[results])
    candidates = read_topic(settings) if results is None else read_candidates(results, text_field)
    chosen = choose(candidates, **choice)
    files.write([item_of(each) for each in chosen])
    parts = Counter(each.part for each in chosen)
    if as_json:
        facts = {"texts": len(candidates), "uncertain": parts["uncertain"], "random": parts["random"]}
        print_json_line({**facts, "sheet": files.sheet.name, "items": files.items.name})
        return
    click.echo(f"{len(candidates):,} distinct texts; chosen: {parts['uncertain']} uncertain, {parts['random']} random")
    click.echo(f"wrote {files.sheet.name}; keep {files.items.name} for the import")


@review.command(
    "import",
    epilog="""\b
Example:
  sentiment review import anna.csv ben.csv --items june.items.jsonl --dataset reviewed
  sentiment review import anna.csv ben.csv open.csv --items june.items.jsonl --dataset reviewed --publish

Each sheet is named after its annotator. A text is settled by more than half of the votes, or by the column `final` of
any sheet (`skip` leaves the text out). The others go to the sheet of --unsettled: fill in `final` there, and import it
with the rest. Labels can be published once every text is settled.""",
)
@click.argument("sheets", nargs=-1, required=True, type=FILE)
@click.option(
    "--items", "items_file", type=FILE, required=True, metavar="FILE", help="SHEET.items.jsonl of the export."
)
@click.option("--dataset", type=DIRECTORY, required=True, metavar="DIR", help="Data set to add a version to.")
@click.option("--source", default="review", metavar="NAME", help="Value of the column `source`.")
@click.option("--unsettled", type=OUTPUT, metavar="SHEET", help="Write a sheet of the texts that are not settled.")
@click.option("--publish", is_flag=True, help="Publish the labels to the topic that `sentiment monitor` reads.")
@seed_option
@force_option
@json_option()
@common_options("kafka", "topics")
def import_sheets(
    settings: Settings,
    sheets: tuple[Path, ...],
    items_file: Path,
    dataset: Path,
    source: str,
    unsettled: Output | None,
    publish: bool,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Settle the labels of SHEETS, and add them to a data set.

    The data set gets a new version, which `sentiment train` takes.
    """
    from datetime import UTC, datetime

    import msgspec

    from sentiment.errors import InputError
    from training.review.dataset import append_version
    from training.review.importing import Review
    from training.review.sheets import SheetFiles, read_items, read_sheet

    files = None if unsettled is None else SheetFiles.beside(unsettled)
    items = read_items(items_file)
    found = Review.of(items, [read_sheet(path, items) for path in sheets])
    report = found.report(seed=seed)
    if publish and report.unsettled:
        raise InputError(
            f"texts not settled: {len(report.unsettled)}; without them the model would seem better than it is",
            hint="settle them first; --unsettled makes a sheet of them",
        )
    now = datetime.now(UTC)
    if files is not None and report.unsettled:
        check_outputs(files.sheet, files.items, force=force, inputs=[*sheets, items_file])
        left, notes = found.unsettled()
        files.write(left, notes=notes)
    facts = {"annotators": [path.name.split(".")[0] for path in sheets], "review": msgspec.to_builtins(report)}
    made = append_version(dataset, found.rows(source), [*sheets, items_file], facts, now=now)
    published = _publish(settings, found.late_labels(now)) if publish else None
    if as_json:
        version = None if made is None else {"path": str(made[0]), **msgspec.to_builtins(made[1])}
        document = {"review": report, "version": version, "published": published}
        print_json_line(document)
        return
    from sentiment.cli.review_lines import report_lines

    click.echo("\n".join(report_lines(report, made, published)))


@review.command(
    "suspects",
    epilog="""\b
Example:
  sentiment review suspects labelled.jsonl --output doubtful.csv
  sentiment review import anna.csv --items doubtful.items.jsonl --dataset corrected
  sentiment review suspects train.jsonl --cross-validate --output doubtful.csv

Uses confident learning (Northcutt et al. 2021). The model must not have been trained on these labels, or it would
suspect none; with --cross-validate its features may. Read a suspect again before correcting it.""",
)
@click.argument("labelled", type=FILE)
@_sheet_option
@click.option(
    "--cross-validate",
    is_flag=True,
    help="Judge labels by heads on the model's features that have not seen them. Needs the extra `train`.",
)
@labelled_options
@force_option
@json_option("Print one JSON object, with a score for every row: how probable its label is.")
@common_options("model")
def find_suspects(
    settings: Settings,
    labelled: Path,
    output: Output,
    cross_validate: bool,
    text_field: str,
    label_field: str,
    reading: ReadingOptions,
    force: bool,
    as_json: bool,
) -> None:
    """Make a sheet of the rows that are probably mislabelled.

    LABELLED has columns of texts and labels. The most suspicious rows come first.
    """

    from sentiment.cli.progress import Ticker
    from training.review.checking import check_labels
    from training.review.sheets import SheetFiles, suspect_item

    files = SheetFiles.beside(output)
    check_outputs(files.sheet, files.items, force=force, inputs=[labelled])
    layout = layout_of(settings, text_field, label_field, reading)
    with train_extra("cross-validating"), Ticker() as ticker:
        checked = check_labels(labelled, settings.model, ticker, layout, cross_validate=cross_validate)
    n_rows, found = len(checked.scores), checked.suspected
    if found:
        files.write([suspect_item(each) for each in found])
    if as_json:
        facts = {"rows": n_rows, "suspects": len(found), "sheet": files.sheet.name if found else None}
        print_json_line({**facts, "scores": checked.scores})
        return
    click.echo(f"{len(found):,} of {n_rows:,} labels are probably wrong ({len(found) / n_rows:.1%})")
    if found:
        click.echo(f"wrote {files.sheet.name}; keep {files.items.name} for the import")


def _publish(settings: Settings, labels: list[LateLabel]) -> int:
    from consumers.monitoring.labels import publish_labels

    return publish_labels(settings, labels)
