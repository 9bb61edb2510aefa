"""`sentiment ingest`: feedback from files and pipes onto the feedback topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.settings import Settings


class Speed(click.ParamType[float | None]):
    """How many times as fast as it happened; the demo takes the same."""

    name = "X|max"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """A factor above 0; None for `max`."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value).removesuffix("x"))
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail(f"{value!r} is neither `max` nor a number above 0", param, ctx)
        return speed


def field_options(command: Any) -> Any:
    """The flags that say which column is what; the demo takes the same."""
    options = [
        click.option(
            "--format", "file_format", type=click.Choice(["csv", "jsonl", "parquet"]), help="By the name's end."
        ),
        click.option("--text-field", metavar="F", help="Column of the text; default: text."),
        click.option("--time-field", metavar="F", help="Column of the time; default: created_at, where there is one."),
        click.option(
            "--product-field", metavar="F", help="Column of the product; default: product, where there is one."
        ),
        click.option("--product", metavar="NAME", help="One product for all rows."),
        click.option("--id-field", metavar="F", help="Column of the id; default: id, else made from file and row."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Example:
  sentiment ingest reviews.csv --text-field content --time-field at --product app
  zcat tweets.jsonl.gz | sentiment ingest - --format jsonl --speed 60

Rows are published in the order of their times, keyed by their id. The same command after an interruption goes on where
it was, each row once; Kafka remembers a finished ingest for a week by default."""
)
@click.argument("file", metavar="FILE|-")
@field_options
@click.option("--speed", type=Speed(), default="max", help="Replay by event time, X times as fast; default: max.")
@click.option("--rebase-time", is_flag=True, help="Shift all times so that the last one is now.")
@click.option("--restart", is_flag=True, help="Forget the progress of earlier runs: publish all rows again.")
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
    """Publish feedback from FILE (CSV, JSONL or Parquet, also gzipped) or from a pipe (-).

    Rows that cannot be published go to FILE.rejects.jsonl, with their number and the reason, without their content.
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
            ticker.say("interrupted: run the same command again to go on" if file != "-" else "interrupted")
            return 130
        except TransientError as error:
            if ticker.done and file != "-":
                error.hint = "what was published stays so: run the same command again to go on"
            raise
    if report.published_before == report.published > 0:
        click.echo(
            f"nothing to do: all {report.published:,} rows were published before (--restart forgets that)", err=True
        )
    else:
        before = f", {report.published_before:,} of them before" if report.published_before else ""
        click.echo(f"published {report.published:,} rows to {request.topic}{before}", err=True)
    if report.rejected:
        click.echo(f"rejected {report.rejected:,} rows: see {report.rejects_file}", err=True)
    return 0
