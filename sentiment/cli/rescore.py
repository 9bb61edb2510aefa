"""`sentiment rescore`: score a whole file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.model.classifier import Classifier
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment rescore reviews.csv --text-field content --output reviews.parquet
  sentiment rescore reviews.csv --text-field content --output reviews.parquet --resume

The output has all input columns, then label, score, p_negative, p_neutral, p_positive and model_version. An input
column of one of these names is kept as input_NAME. Rows without a text that can be scored get nulls. In Parquet,
columns of a CSV are strings, those of JSONL get the narrowest type that holds all their values, and those of a Parquet
input keep their types. Raises no alerts, and needs no Kafka."""
)
@click.argument("input_file", metavar="INPUT")
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=".csv, .jsonl, .parquet; CSV and JSONL also .gz.",
)
@click.option("--text-field", default="text", metavar="F", help="Column of the text; default: text.")
@click.option("--format", "file_format", type=click.Choice(["csv", "jsonl", "parquet"]), help="Of INPUT; by its name.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--force", is_flag=True, help="Start again, and replace an existing FILE.")
@common_options("model")
def rescore(
    settings: Settings,
    input_file: str,
    output: Path,
    text_field: str,
    file_format: Any,
    resume: bool,
    force: bool,
) -> int:
    """Score the rows of INPUT (CSV, JSONL or Parquet, also gzipped) and write them with their results to FILE.

    FILE appears when it is complete. Until then the work is in FILE.partial/.
    """
    from consumers.rescore import RescoreRequest, run_rescore
    from sentiment.cli.progress import Ticker
    from sentiment.cli.signals import terminate_like_interrupt

    def load() -> Classifier:
        from sentiment.model.loading import load_configured

        return load_configured(settings.model)

    request = RescoreRequest(input_file, output, text_field, file_format, resume, force)
    with terminate_like_interrupt(), Ticker() as ticker:
        try:
            report = run_rescore(request, settings.model, load, ticker)
        except KeyboardInterrupt:
            ticker.say("interrupted: go on with the same command and --resume")
            return 130
    if report.already_complete:
        click.echo(f"nothing to do: {output} is complete", err=True)
        return 0
    click.echo(f"scored {report.n_rows - report.n_unscored:,} of {report.n_rows:,} rows: {output}", err=True)
    if report.n_unscored:
        click.echo(f"{report.n_unscored:,} rows have no text that can be scored: their label is null", err=True)
    return 0
