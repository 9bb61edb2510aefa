"""`sentiment ingest`: publish feedback from files and pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.inputs import SPEED_HELP, ReplaySpeed, field_options
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from consumers.ingest import IngestReport
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions


@click.command(
    epilog="""\b
Example:
  sentiment ingest reviews.csv --text-field content --time-field at --product app
  sentiment ingest reviews.csv --append
  sentiment ingest survey.csv --text-field "Open-Ended Response#2" --skip-rows 1 --encoding cp1252
  zcat tweets.jsonl.gz | sentiment ingest - --format jsonl --speed 60

Rows are published in order of time, keyed by id. After an interruption, the same command goes on where it stopped and
publishes each row once.

Of several columns with one name, the second is NAME#2. A column can also be named by its number: #3.

With --append, FILE is an export that grows and is written anew each time. Rows that an earlier ingest has published to
the same topic are left out. A row is known by its id, or if it has none, by its content. Name, format, packing and line
ends of the file do not matter."""
)
@click.argument("file", metavar="FILE|-")
@field_options
@click.option("--speed", type=ReplaySpeed(), default="max", metavar="X|max", help=SPEED_HELP)
@click.option("--rebase-time", is_flag=True, help="Shift all times so that the last one is now.")
@click.option("--append", is_flag=True, help="Publish only rows that no earlier ingest has published.")
@click.option("--restart", is_flag=True, help="Forget earlier progress, and publish all rows again.")
@common_options("kafka", "topics", "feedback")
def ingest(
    settings: Settings,
    file: str,
    reading: ReadingOptions,
    text_field: str | None,
    time_field: str | None,
    product_field: str | None,
    product: str | None,
    id_field: str | None,
    date_order: Any,
    time_format: str | None,
    kind: Any,
    speed: float | None,
    rebase_time: bool,
    append: bool,
    restart: bool,
) -> int:
    """Publish feedback from FILE (CSV, JSONL or Parquet, also packed) or from stdin (-).

    Rows that cannot be published are listed in FILE.rejects.jsonl, with their number and the reason but without their
    content.
    """
    from consumers.ingest import FieldFlags, IngestRequest, run_ingest
    from sentiment.cli.progress import Ticker
    from sentiment.cli.signals import terminate_like_interrupt
    from sentiment.errors import TransientError
    from sentiment.sources.times import TimeNotation

    request = IngestRequest(
        argument=file,
        reading=reading,
        fields=FieldFlags(
            text_field, time_field, product_field, product, id_field, TimeNotation(date_order, time_format), kind
        ),
        speed=speed,
        rebase_time=rebase_time,
        append=append,
        restart=restart,
        topic=settings.topics.feedback,
    )
    resumes = file != "-" or append
    with terminate_like_interrupt(), Ticker() as ticker:
        try:
            report = run_ingest(settings, request, ticker)
        except KeyboardInterrupt:
            ticker.say("interrupted; run the same command again to go on" if resumes else "interrupted")
            return 130
        except TransientError as error:
            if ticker.done and resumes:
                error.hint = "run the same command again to go on; what is published stays published"
            raise
    _report(report, request.topic)
    return 0


def _report(report: IngestReport, topic: str) -> None:
    """Say on stderr what is published, and what is not."""
    from sentiment.sources.rows import padded_rows

    if report.published_before == report.published > 0:
        click.echo(
            f"nothing to do: all {report.published:,} rows were published before (--restart publishes them again)",
            err=True,
        )
    else:
        before = f", {report.published_before:,} of them before" if report.published_before else ""
        click.echo(f"published {report.published:,} rows to {topic}{before}", err=True)
    if report.changed:
        click.echo(
            f"{report.changed:,} of the rows from before have another text now, which is not published", err=True
        )
    if report.repeated:
        click.echo(f"left out {report.repeated:,} rows with the id of another row of the file", err=True)
    if report.padded:
        click.echo(padded_rows(report.padded), err=True)
    if report.rejected:
        click.echo(f"rejected {report.rejected:,} rows; see {report.rejects_file}", err=True)
