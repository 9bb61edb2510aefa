"""`sentiment ingest`: publish feedback from files and pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.inputs import SPEED_HELP, ReplaySpeed, field_options
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment ingest reviews.csv --text-field content --time-field at --product app
  zcat tweets.jsonl.gz | sentiment ingest - --format jsonl --speed 60

Rows are published in order of time, keyed by id. After an interruption, the same command goes on where it stopped and
publishes each row once. Kafka remembers a finished ingest for a week by default."""
)
@click.argument("file", metavar="FILE|-")
@field_options
@click.option("--speed", type=ReplaySpeed(), default="max", metavar="X|max", help=SPEED_HELP)
@click.option("--rebase-time", is_flag=True, help="Shift all times so that the last one is now.")
@click.option("--restart", is_flag=True, help="Forget earlier progress, and publish all rows again.")
@common_options("kafka", "topics", "feedback")
def ingest(
    settings: Settings,
    file: str,
    file_format: Any,
    text_field: str | None,
    time_field: str | None,
    product_field: str | None,
    product: str | None,
    id_field: str | None,
    speed: float | None,
    rebase_time: bool,
    restart: bool,
) -> int:
    """Publish feedback from FILE (CSV, JSONL or Parquet, also gzipped) or from stdin (-).

    Rows that cannot be published are listed in FILE.rejects.jsonl, with their number and the reason but without their
    content.
    """
    from consumers.ingest import FieldFlags, IngestRequest, run_ingest
    from sentiment.cli.progress import Ticker
    from sentiment.cli.signals import terminate_like_interrupt
    from sentiment.errors import TransientError

    request = IngestRequest(
        argument=file,
        file_format=file_format,
        fields=FieldFlags(text_field, time_field, product_field, product, id_field),
        speed=speed,
        rebase_time=rebase_time,
        restart=restart,
        topic=settings.topics.feedback,
    )
    with terminate_like_interrupt(), Ticker() as ticker:
        try:
            report = run_ingest(settings, request, ticker)
        except KeyboardInterrupt:
            ticker.say("interrupted; run the same command again to go on" if file != "-" else "interrupted")
            return 130
        except TransientError as error:
            if ticker.done and file != "-":
                error.hint = "run the same command again to go on; what is published stays published"
            raise
    if report.published_before == report.published > 0:
        click.echo(
            f"nothing to do: all {report.published:,} rows were published before (--restart publishes them again)",
            err=True,
        )
    else:
        before = f", {report.published_before:,} of them before" if report.published_before else ""
        click.echo(f"published {report.published:,} rows to {request.topic}{before}", err=True)
    if report.rejected:
        click.echo(f"rejected {report.rejected:,} rows; see {report.rejects_file}", err=True)
    return 0
