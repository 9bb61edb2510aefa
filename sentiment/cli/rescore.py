"""`sentiment rescore`: score a whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import OUTPUT
from sentiment.cli.inputs import kind_option, reading_options, text_field_option
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.mail import TextKind
    from sentiment.model.classifier import Classifier
    from sentiment.outputs import Output
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions


@click.command(
    epilog="""\b
Example:
  sentiment rescore reviews.csv --text-field content --output reviews.parquet
  sentiment rescore reviews.csv --text-field content --output reviews.parquet --resume

The output has all input columns, then label, score, p_negative, p_neutral, p_positive and model_version. An input
column with one of these names becomes input_NAME. Rows without a usable text get nulls. In Parquet, columns of a CSV
are strings, those of JSONL get the narrowest type that holds all values, and those of Parquet keep their types. Raises
no alerts, and needs no Kafka."""
)
@click.argument("input_file", metavar="INPUT")
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    type=OUTPUT,
    help="File to write: .csv or .jsonl (also .gz), or .parquet; or - for stdout.",
)
@text_field_option("Text column.")
@reading_options
@kind_option
@click.option("--resume", is_flag=True, help="Continue an interrupted run.")
@click.option("--force", is_flag=True, help="Start again, and replace an existing output.")
@common_options("model")
def rescore(
    settings: Settings,
    input_file: str,
    output: Output,
    text_field: str,
    reading: ReadingOptions,
    kind: TextKind,
    resume: bool,
    force: bool,
) -> int:
    """Score the rows of INPUT (CSV, JSONL or Parquet, also packed), and write them with their results to FILE.

    FILE appears when it is complete. Until then the work is in FILE.partial/. On stdout the rows have the format of
    INPUT. What goes to stdout, a pipe or a device cannot be resumed.
    """
    from consumers.rescore import RescoreRequest, run_rescore
    from sentiment.cli.progress import Ticker
    from sentiment.cli.signals import terminate_like_interrupt

    def load() -> Classifier:
        from sentiment.model.loading import load_configured

        return load_configured(settings.model)

    request = RescoreRequest(
        input_file, output, text_field, reading, kind, resume, force, settings.privacy.searched_with
    )
    with terminate_like_interrupt(), Ticker() as ticker:
        try:
            report = run_rescore(request, settings.model, load, ticker)
        except KeyboardInterrupt:
            ticker.say("interrupted; add --resume to go on" if output.regular else "interrupted")
            return 130
    if report.already_complete:
        click.echo(f"nothing to do; {output.name} is complete", err=True)
        return 0
    click.echo(f"scored {report.n_rows - report.n_unscored:,} of {report.n_rows:,} rows: {output.name}", err=True)
    if report.n_unscored:
        click.echo(f"{report.n_unscored:,} rows have no usable text; their label is null", err=True)
    return 0
