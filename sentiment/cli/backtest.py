"""`sentiment backtest`: what alerts a history would have raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import OUTPUT, force_option, typed
from sentiment.cli.inputs import TIMES, reading_options
from sentiment.cli.options import common_options
from sentiment.cli.outputs import apart_from, check_outputs, write_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumers.backtesting.backtest import BacktestReport
    from consumers.backtesting.finished import Finished
    from consumers.backtesting.history import History, HistoryFields, Scorer
    from sentiment.outputs import Output
    from sentiment.progress import Progress
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions

_OF_FILES = {"score", "file_format", "delimiter", "encoding", "skip_rows", "date_order", "time_format", "product"}
_OF_FILES |= {"time_field", "product_field", "label_field", "text_field"}
_COLUMNS = (("time", "created_at"), ("product", "product"), ("label", "label"), ("text", "text"))


@click.command(
    epilog="""\b
Example:
  sentiment rescore reviews.csv --output scored.jsonl
  sentiment backtest scored.jsonl --output paged.jsonl --report backtest.html
  sentiment backtest reviews.csv --score --product app --budget 0.5 --output paged.jsonl
  sentiment backtest --bootstrap-servers 127.0.0.1:9092 --output paged.jsonl

Without INPUT it reads the results topic, as far back as that goes. Rows of a file need a time, and a label (negative,
neutral, positive) or p_negative; --score scores their texts instead. Weeks of history are replayed in seconds. The
simulations take longer: false alarms in made-up weeks, and rises that are hidden in them. The same command goes on
after an interruption: until it is complete, the work is in FILE.partial/. The report requires the `train` extra."""
)
@click.argument("input_file", metavar="INPUT", required=False)
@click.option("--output", required=True, metavar="FILE", type=OUTPUT, help="Alerts to write, as JSONL.")
@click.option("--report", type=OUTPUT, metavar="FILE.html", help="Write a self-contained page with plots.")
@click.option(
    "--budget",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="N",
    show_default="the setting alerts.false_alarms_per_week",
    help="False alarms per week and segment.",
)
@click.option("--score", is_flag=True, help="Score the texts first, with the model of the settings.")
@TIMES[0]
@TIMES[1]
@reading_options
@click.option("--time-field", metavar="COLUMN", show_default="created_at", help="Time column.")
@click.option("--product-field", metavar="COLUMN", show_default="product", help="Product column.")
@click.option("--product", metavar="NAME", help="Product of all rows, instead of a column.")
@click.option("--label-field", metavar="COLUMN", show_default="label", help="Label column.")
@click.option("--text-field", metavar="COLUMN", show_default="text", help="Text column.")
@click.option(
    "--trials",
    type=click.IntRange(0, 1_000),
    default=3,
    metavar="N",
    help="Made-up histories for each figure; 0 for none.",
)
@click.option(
    "--segments",
    "most_segments",
    type=click.IntRange(1),
    default=10,
    metavar="N",
    help="Simulate the N busiest segments.",
)
@force_option
@common_options("kafka", "model", "alerts")
def backtest(
    settings: Settings,
    input_file: str | None,
    output: Output,
    report: Output | None,
    budget: float | None,
    score: bool,
    reading: ReadingOptions,
    date_order: Any,
    time_format: str | None,
    product: str | None,
    trials: int,
    most_segments: int,
    force: bool,
    **columns: str | None,
) -> int:
    """Run detection over a history, and write its alerts to FILE.

    The history is INPUT (CSV, JSONL or Parquet), or the results topic.
    """
    from dataclasses import replace

    import msgspec

    from consumers.backtesting.backtest import run_backtest
    from consumers.backtesting.finished import Finished
    from consumers.backtesting.trials import with_budget
    from sentiment.cli.progress import Ticker
    from sentiment.cli.signals import terminate_like_interrupt
    from sentiment.errors import UsageError
    from sentiment.sources.times import TimeNotation

    if input_file is None:
        _refuse_flags_of_files()
    if product is not None and columns["product_field"] is not None:
        raise UsageError("--product and --product-field exclude each other")
    check_outputs(output, report, force=force, inputs=[input_file])
    with train_extra("the report"):
        if report is not None:
            from consumers.backtesting.report import report_html
    config = settings.alerts.spike_config()
    if budget is not None:
        config = with_budget(config, budget)
    finished = Finished(output)
    with terminate_like_interrupt(), Ticker() as ticker:
        if input_file is None:
            history = _read_topic(settings, ticker)
        else:
            times = TimeNotation(date_order, time_format)
            fields = replace(_fields(product, columns), times=times, kinds=settings.alerts.kinds())
            history = _read_file(input_file, reading, fields, _scorer(settings, finished) if score else None, ticker)
        found = run_backtest(history, config, ticker, trials=trials, most_segments=most_segments, finished=finished)
    write_output(output, b"".join(msgspec.json.encode(alert) + b"\n" for alert in found.alerts))
    if report is not None:
        write_output(report, report_html(found, input_file or settings.topics.sentiment))
    finished.clear()
    with apart_from(output, report):
        _print(found)
    return 0


def _refuse_flags_of_files() -> None:
    """Raise UsageError if a flag was given that is about a file."""
    from sentiment.errors import UsageError

    for name in sorted(typed(dict.fromkeys(_OF_FILES))):
        flag = "--format" if name == "file_format" else f"--{name.replace('_', '-')}"
        raise UsageError(f"{flag} is about a file, and there is no INPUT", hint="name the file, or leave the flag out")


def _read_topic(settings: Settings, progress: Progress) -> History:
    from consumers.backtesting.topic import read_results
    from consumers.cluster.connection import check_connection

    check_connection(settings)
    return read_results(settings, progress)


def _read_file(
    name: str, reading: ReadingOptions, fields: HistoryFields, scorer: Scorer | None, progress: Progress
) -> History:
    from dataclasses import replace

    from consumers.backtesting.history import read_history
    from consumers.ingest.date_order import ordered
    from sentiment.sources import detect_format, find_input

    fields.times.check()
    given = find_input(name, reading)
    file_format = detect_format(given)
    if given.repeatable:
        fields = replace(fields, times=ordered(given, file_format, fields.time, fields.times))
    return read_history(given, file_format, fields, progress, scorer=scorer)


def _fields(product: str | None, columns: dict[str, str | None]) -> HistoryFields:
    from consumers.backtesting.history import HistoryFields

    chosen = {name: columns[f"{name}_field"] or default for name, default in _COLUMNS}
    named = frozenset(column for column in columns.values() if column is not None)
    return HistoryFields(**chosen, all_of=product, named=named)  # type: ignore[arg-type]  # only strings


def _scorer(settings: Settings, finished: Finished) -> Scorer:
    from sentiment.model.loading import load_configured
    from sentiment.scoring import Answer, score_texts

    classifier = load_configured(settings.model)
    about = (classifier.model, settings.model.model_dump(mode="json"))

    def scored(texts: Sequence[str]) -> list[Answer]:
        return finished.get(list[Answer], (*about, texts), lambda: score_texts(classifier, texts)[0])

    return scored


def _print(report: BacktestReport) -> None:
    from sentiment.cli.tables import output, table

    rows = []
    for segment in report.segments:
        opened = len({alert.episode_id for alert in segment.paged})
        own = [b.simulated for b in segment.budgets if b.false_alarms_per_week == report.budget]
        found = [f"{rise.found} of {rise.n}" for rise in segment.rises]
        rate = f"{own[0]:.2f}" if own else "–"
        rows.append([segment.name, f"{segment.n:,}", f"{segment.days:.1f}", str(opened), rate, *(found or ["–"] * 3)])
    columns = ["segment", "results", "days", "episodes", "false alarms a week", "× 1.4 found", "× 2 found", "× 3 found"]
    output().print(table(columns, rows, title=f"Budget: {report.budget:g} false alarms a week and segment"))
    for reason, n in report.left_out.items():
        click.echo(f"left out {n:,} rows: {reason}", err=True)
