"""`sentiment evaluate`: measure a model on labelled rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import FILE, OUTPUT, force_option, json_option, resamples_option, seed_option
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.outputs import apart_from, check_outputs, print_json, write_output

if TYPE_CHECKING:
    from sentiment.outputs import Output
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions
    from training.evaluation.judgement import Judgement

_REPORTED_ERRORS = 20


@click.command(
    epilog="""\b
Example:
  sentiment evaluate dev.jsonl.gz --report evaluation.html
  sentiment evaluate dev.jsonl.gz --model my-model --backend torch --slices source,length --json > before.json
  sentiment evaluate dev.jsonl.gz --model next-model --against before.json

Requires the `train` extra. Rows need `text` and `label`; `source` and `product` are optional. Intervals cover the
choice of rows, not other sources or wrong labels."""
)
@click.argument("data", metavar="DATA", type=FILE)
@click.option(
    "--slices",
    "kinds",
    default="source,product,language,length",
    metavar="KIND,…",
    help="Slices to report: any of source, product, language and length.",
)
@click.option("--min-slice", type=click.IntRange(1), default=30, metavar="N", help="Merge slices of fewer than N rows.")
@click.option("--report", type=OUTPUT, metavar="FILE.html", help="Write a self-contained page with plots.")
@click.option(
    "--errors",
    type=click.IntRange(0),
    metavar="N",
    show_default="0, and 20 in the report",
    help="Show the N errors of which the model was most confident.",
)
@click.option("--against", type=FILE, metavar="FILE", help="Earlier evaluation, from --json, to put beside this one.")
@click.option("--max-rows", type=click.IntRange(1), metavar="N", help="Evaluate on a random sample of N rows.")
@labelled_options
@resamples_option
@seed_option
@force_option
@json_option()
@common_options("model", "backend")
def evaluate(
    settings: Settings,
    data: Path,
    kinds: str,
    min_slice: int,
    report: Output | None,
    errors: int | None,
    against: Path | None,
    max_rows: int | None,
    text_field: str,
    label_field: str,
    reading: ReadingOptions,
    resamples: int,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Evaluate a model on the labelled rows of DATA (CSV, JSONL or Parquet).

    Reports macro-F1, macro-recall and accuracy, and figures by class and by slice, each with a 95 % bootstrap interval;
    calibration; the confusion matrix; and the errors of which the model was most confident, with redacted texts.
    """
    from sentiment.errors import ConfigurationError

    check_outputs(report, force=force, inputs=[data, against], as_json=as_json)
    with train_extra("evaluating"):
        from training.evaluation.judgement import EvaluationRequest, judge
        from training.evaluation.slices import SLICE_KINDS

        if report is not None:
            from training.evaluation.report import report_html
    slices = tuple(kind for kind in kinds.split(",") if kind)
    if unknown := set(slices) - set(SLICE_KINDS):
        raise ConfigurationError(f"--slices: unknown {min(unknown)!r}", hint=f"one of {', '.join(SLICE_KINDS)}")
    request = EvaluationRequest(
        data=data,
        slices=slices,
        min_slice=min_slice,
        n_errors=_REPORTED_ERRORS if errors is None else errors,
        max_rows=max_rows,
        n_resamples=resamples,
        seed=seed,
        layout=layout_of(settings, text_field, label_field, reading),
        against=against,
    )
    judgement = _judge(judge, settings, request)
    if report is not None:
        write_output(report, report_html(judgement))
    if as_json:
        print_json(judgement)
    else:
        from sentiment.cli.evaluation_tables import print_judgement

        with apart_from(report):
            print_judgement(judgement, n_errors=errors or 0)


def _judge(judge: Any, settings: Settings, request: Any) -> Judgement:
    import numpy as np

    from sentiment.cli.progress import Ticker
    from sentiment.cli.version import instruction_set
    from training.evaluation.doubts import doubts

    with Ticker() as ticker:
        judgement: Judgement = judge(settings.model, request, ticker)
    cost = judgement.cost
    click.echo(
        f"scored {judgement.evaluation.n:,} texts in {cost.seconds:.1f} s: {cost.texts_per_s:,.0f} texts/s with "
        f"{judgement.backend} ({instruction_set()})",
        err=True,
    )
    for doubt in doubts(np.array(judgement.evaluation.confusion)):
        click.echo(f"warning: {doubt}", err=True)
    return judgement
