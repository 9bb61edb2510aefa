"""`sentiment demo`: run the whole pipeline, watch it, and check the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.flags import json_option
from sentiment.cli.inputs import SPEED_HELP, ReplaySpeed, field_options
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json_line

if TYPE_CHECKING:
    from consumers.demo.verdict import DemoVerdict
    from consumers.ingest import FieldFlags
    from sentiment.mail import TextKind
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions


@click.command(
    epilog="""\b
Example:
  sentiment demo
  sentiment demo --input reviews.csv --text-field content --time-field at --json

Exits with 0 if an independent read-committed consumer found every event scored exactly once and, on the bundled
stream, exactly one alert, for the incident in it."""
)
@click.option(
    "--input", "input_file", metavar="FILE", show_default="a bundled day", help="Feedback as CSV, JSONL or Parquet."
)
@field_options
@click.option(
    "--speed",
    type=ReplaySpeed(),
    metavar="X|max",
    show_default="the bundled day in 20 s, a file at max",
    help=SPEED_HELP,
)
@json_option("Print the summary as one JSON object.")
@common_options("model")
def demo(
    settings: Settings,
    input_file: str | None,
    reading: ReadingOptions,
    text_field: str | None,
    time_field: str | None,
    product_field: str | None,
    product: str | None,
    id_field: str | None,
    date_order: Any,
    time_format: str | None,
    kind: TextKind,
    speed: float | None,
    as_json: bool,
) -> int:
    """Run the whole pipeline on a stream of feedback: broker, ingest, two scoring workers, alerts and notifier.

    Each part is a process on this machine. They use a free port and a temporary folder, and clean up at the end. Your
    cluster and your notification channels are not touched.
    """
    from consumers.demo.demo import DemoRequest, run_demo
    from consumers.demo.stream import BUNDLED_SPEED, bundled_stream, open_stream
    from consumers.demo.view import make_view
    from consumers.ingest import FieldFlags
    from sentiment.cli.signals import terminate_like_interrupt
    from sentiment.logs import configure_logging
    from sentiment.model.loading import locate
    from sentiment.sources.times import TimeNotation

    context = click.get_current_context()
    fields = FieldFlags(
        text_field, time_field, product_field, product, id_field, TimeNotation(date_order, time_format), kind
    )
    if input_file is None:
        _refuse_field_flags(fields, reading)
        stream = bundled_stream()
    else:
        stream = open_stream(input_file, reading, fields)
    locate(settings.model.path, settings.model.label_map or None)
    given = context.get_parameter_source("speed") is not click.core.ParameterSource.DEFAULT
    request = DemoRequest(stream, speed if given else None if input_file else BUNDLED_SPEED)
    # The display needs stderr for itself. The processes log to files, at the level that was asked for.
    configure_logging("error", settings.log.format)
    with terminate_like_interrupt():
        summary = run_demo(settings, request, make_view)
    _print(summary, as_json)
    if not summary.passed:
        from sentiment.errors import CheckFailed

        raise CheckFailed(f"the demo did not pass: {'; '.join(summary.faults)}")
    return 0


def _refuse_field_flags(fields: FieldFlags, reading: ReadingOptions) -> None:
    from sentiment.errors import UsageError

    if fields != type(fields)() or reading != type(reading)():
        raise UsageError("column flags need --input")


def _print(summary: DemoVerdict, as_json: bool) -> None:
    from consumers.demo.verdict import as_text

    if as_json:
        print_json_line(summary)
    else:
        click.echo(as_text(summary))
