"""`sentiment calibrate`: make a model's probabilities match frequencies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import FILE, OUTPUT, OUTPUT_FOLDER, SHARE, force_option, json_option, seed_option
from sentiment.cli.forms import FORMS
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.outputs import apart_from, check_outputs, print_json, write_output

if TYPE_CHECKING:
    from sentiment.model.manifest import Exits
    from sentiment.outputs import Output
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions
    from training.data.examples import RowLayout
    from training.exporting.calibrate import CalibrationReport


@click.command(
    epilog="""\b
Example:
  sentiment calibrate dev.jsonl.gz --model my-model
  sentiment calibrate dev.jsonl.gz --model my-model --output my-calibrated-model --plot reliability.svg
  sentiment calibrate dev.jsonl.gz --model my-model --in-place --decide macro-recall

Requires the `train` extra. Temperatures never change a label, only how confident the answers sound; --decide changes
labels and no probability. Nothing is written without --output or --in-place. Trust the cross-fitted figures: their rows
were not used to fit."""
)
@click.argument("data", metavar="DATA", type=FILE)
@click.option(
    "--form",
    type=click.Choice(["all", *FORMS]),
    default="all",
    help="Which exported weights to calibrate.",
)
@click.option("--output", type=OUTPUT_FOLDER, metavar="DIR", help="Write a calibrated copy of the model here.")
@click.option("--in-place", is_flag=True, help="Overwrite the manifest of --model.")
@click.option("--plot", type=OUTPUT, metavar="FILE.svg", help="Plot reliability before and after.")
@click.option(
    "--max-ece", type=SHARE, metavar="X", help="Exit with 1, and write no model, if the cross-fitted ECE is higher."
)
@click.option(
    "--decide",
    type=click.Choice(["argmax", "macro-recall"]),
    show_default="as the model does",
    help="Give the most likely label, or weigh labels so that each is found as often as the others.",
)
@click.option(
    "--agreement",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.99,
    metavar="X",
    help="Share of texts that must get the label of the whole network, if the model has early exits.",
)
@labelled_options
@seed_option
@force_option
@json_option()
@common_options("model-path", "label-map", "threads")
def calibrate(
    settings: Settings,
    data: Path,
    form: Any,
    output: Path | None,
    in_place: bool,
    plot: Output | None,
    max_ece: float | None,
    decide: Any,
    agreement: float,
    text_field: str,
    label_field: str,
    reading: ReadingOptions,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Fit a model's temperatures on the labelled rows of DATA, and show its calibration before and after.

    Reports the expected calibration error (ECE), Brier score and log loss of each form of the weights. A calibrated
    model gets a new version, because its probabilities change. For a model with early exits (`sentiment exits`) this
    also sets how sure an exit must be: rows that taught the exits would make it too bold.
    """
    from sentiment.errors import CheckFailed, UsageError
    from sentiment.outputs import ending_of

    if in_place and output is not None:
        raise UsageError("give either --output or --in-place")
    check_outputs(output, plot, force=force, inputs=[data], as_json=as_json)
    if plot is not None:
        ending_of(plot, [".svg"], "a plot of reliability")
    with train_extra("calibrating"):
        from training.exporting import calibrate as calibrating

        if plot is not None:
            from training.evaluation.plots import calibration_plot
    from sentiment.model.directory import open_directory

    directory = _directory(settings.model.path, in_place=in_place, output=output)
    forms = calibrating.forms_of(open_directory(directory)) if form == "all" else (form,)
    fitting = {"seed": seed, "decide": decide, "agreement": agreement, "threads": settings.model.threads}
    report = _run(directory, data, layout_of(settings, text_field, label_field, reading), forms, fitting)
    if plot is not None:
        bins = {f"{part.form}": (part.bins_before, part.bins_after) for part in report.forms}
        write_output(plot, calibration_plot(bins))
    worst = max(report.forms, key=lambda part: part.cross_fitted.ece)
    passed = max_ece is None or worst.cross_fitted.ece <= max_ece
    written = None
    if passed and (in_place or output is not None):
        written = calibrating.write_calibrated(directory, report, output=output)
    if as_json:
        import msgspec

        document = {"version": written.version if written else None, **msgspec.to_builtins(report)}
        print_json(document)
    else:
        with apart_from(plot):
            _print(report)
            if (exits := open_directory(directory).exits) is not None:
                _print_exits(exits, report)
    if not passed:
        raise CheckFailed(
            f"the cross-fitted ECE of {worst.form} is {worst.cross_fitted.ece:.4f}, above {max_ece:g}; no model written"
        )
    if written is not None:
        click.echo(f"wrote {output or directory} ({written.name} {written.version})", err=True)
    else:
        click.echo("no model written; to write one, give --output or --in-place", err=True)


def _directory(path: str, *, in_place: bool, output: Path | None) -> Path:
    from sentiment.errors import UsageError
    from sentiment.model.loading import locate
    from sentiment.model.manifest import MANIFEST_FILE

    directory = locate(path or None).path
    if in_place and (not path or directory.resolve() != Path(path).expanduser().resolve()):
        raise UsageError("--in-place needs --model to be a model directory", hint="write a copy with --output")
    if output is not None:
        source, target = directory.resolve(), output.resolve()
        # A copy into itself would never end, and one over itself would remove what it copies.
        if source == target or source in target.parents or target in source.parents:
            raise UsageError(
                "--output is the model directory, or is inside or around it", hint="choose another, or give --in-place"
            )
        if target.exists() and not (target / MANIFEST_FILE).is_file():
            raise UsageError(f"{output} is not a model directory; --force replaces only those")
    return directory


def _run(
    directory: Path, data: Path, layout: RowLayout, forms: tuple[Any, ...], fitting: dict[str, Any]
) -> CalibrationReport:
    from sentiment.cli.progress import Ticker
    from training.data.examples import read_examples
    from training.exporting.calibrate import calibrate as fit

    examples = read_examples(data, layout)
    with Ticker() as ticker:
        return fit(directory, examples, forms, progress=ticker, **fitting)


def _print(report: CalibrationReport) -> None:
    from sentiment.cli.tables import output, table

    rows = []
    for part in report.forms:
        for name, temperature, figures in (
            ("before", f"{part.temperature_before:.4f}", part.before),
            ("after", f"{part.temperature_after:.4f}", part.after),
            (f"after, cross-fitted ({report.n_folds} folds)", "", part.cross_fitted),
            ("perfect, by chance", "", None),
        ):
            values = (figures.ece, figures.brier, figures.nll) if figures else (part.ece_by_chance,)
            rows.append([f"{part.form} {name}", temperature, *(f"{value:.4f}" for value in values)])
    console = output()
    console.print(f"{report.n:,} rows")
    console.print(table(("", "temperature", "ECE", "Brier", "log loss"), rows))
    if (found := report.decision) is not None:
        console.print(
            f"labels of {found.form}: macro-recall {found.most_likely:.4f} of the most likely, {found.fitted:.4f} with "
            f"offsets, {found.cross_fitted:.4f} cross-fitted"
        )
        negative, neutral, positive = found.offsets
        console.print(
            f"offsets: negative {negative:+.2f}, neutral {neutral:+.2f}, positive {positive:+.2f}"
            if any(found.offsets)
            else "the offsets gain nothing on rows that they were not fitted on, so none are kept"
        )


def _print_exits(exits: Exits, report: CalibrationReport) -> None:
    places = ", ".join(map(str, exits.layers))
    for part in report.forms:
        if part.exits is None:
            click.echo(f"{part.form}: no threshold of the exits is safe enough on these rows; no text leaves early")
            continue
        shown = part.exits.agreement
        here = 1 - shown.disagreements / shown.n
        click.echo(
            f"{part.form}: exits after layers {places} of {exits.n_layers} agree with the whole network on "
            f"≥ {shown.target:.2%} of texts, at {shown.confidence:.0%} confidence\n"
            f"  here {here:.2%} of {shown.n:,}, with {shown.mean_layers:.2f} layers on average; "
            f"a text leaves where the exit is at least {part.exits.threshold:.4f} sure"
        )
