"""`sentiment monitor`: watch for drift of the stream and loss of quality."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.durations import Duration
from sentiment.cli.extras import train_extra
from sentiment.cli.flags import OUTPUT, force_option, json_option, seed_option, until_idle_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import apart_from, check_outputs, print_json_line, write_output

if TYPE_CHECKING:
    from sentiment.drift.observing import TokenFacts
    from sentiment.drift.reports import WindowReport
    from sentiment.outputs import Output
    from sentiment.settings import Settings

_FIRST_WINDOW = "first-window"


@click.command(
    epilog="""\b
Example:
  sentiment monitor --window 1d --metrics-port 9102
  sentiment monitor --window 7d --until-idle 5 --fail-on-drift --json > windows.jsonl
  sentiment monitor --reference june.jsonl --window 1d --until-idle 5 --report drift.html

Reads all results, without a consumer group: nothing is committed, and a restart reports the same windows again. Labels
come from the topic `labels`; `sentiment schema label` describes them. With --json every window is a line, and the
summary is the last one. With --until-idle, the open windows are judged before the command exits."""
)
@click.option(
    "--reference",
    default=_FIRST_WINDOW,
    metavar="FILE|first-window",
    help="Results to compare with, from `sentiment tail sentiment --json`; or the first window with enough results.",
)
@click.option(
    "--window", "window_ms", type=Duration(), default="1d", metavar="DURATION", help="Window length, in event time."
)
@until_idle_option
@click.option("--fail-on-drift", is_flag=True, help="With --until-idle: exit with 1 if a window drifted.")
@click.option(
    "--alpha",
    type=click.FloatRange(0.005, 0.5),
    default=0.01,
    metavar="X",
    help="Probability of any false alarm in a window.",
)
@click.option(
    "--min-psi",
    type=click.FloatRange(0),
    default=0.1,
    metavar="X",
    help="Smallest change that counts as drift (population stability index).",
)
@click.option("--min-n", type=click.IntRange(20), default=100, metavar="N", help="Results that a comparison needs.")
@click.option(
    "--label-horizon",
    "horizon_ms",
    type=Duration(),
    default="90d",
    metavar="DURATION",
    help="How long results wait for labels, and labels for results. Longer takes more memory.",
)
@click.option(
    "--max-waiting",
    "max_events",
    type=click.IntRange(1),
    default=200_000,
    metavar="N",
    help="Maximum results, and labels, that wait; each takes 0.7 kB.",
)
@click.option(
    "--report",
    type=OUTPUT,
    metavar="FILE.html",
    help="At the end, draw the windows on a self-contained page: expected against observed. Needs the extra `train`.",
)
@seed_option
@force_option
@json_option("Print one JSON object per line.")
@common_options("kafka", "outage", "model-path", "label-map", "metrics", "topics")
def monitor(
    settings: Settings,
    reference: str,
    until_idle_s: float | None,
    fail_on_drift: bool,
    alpha: float,
    min_psi: float,
    min_n: int,
    report: Output | None,
    force: bool,
    as_json: bool,
    **bounds: Any,
) -> None:
    """Watch results for drift, and estimate or measure the accuracy of the model.

    Compares text length, unknown tokens, language, labels and confidence of every window with the reference, over all
    results and for each of up to twenty products. Accuracy is estimated without labels, and measured with late ones.
    """
    from consumers.monitoring.monitoring import MonitorJob, run_monitor
    from consumers.runtime.shutdown import stop_on_signals
    from sentiment.cli.monitor_lines import summary_lines, window_lines
    from sentiment.drift.comparison import DriftConfig
    from sentiment.drift.monitor import MonitorConfig
    from sentiment.errors import CheckFailed, UsageError
    from sentiment.results import read_results

    check_outputs(report, force=force, inputs=[] if reference == _FIRST_WINDOW else [reference], as_json=as_json)
    if report is not None:
        with train_extra("drawing a report"):
            from consumers.monitoring.drift_report import MOST_WINDOWS, drift_report
    if fail_on_drift and until_idle_s is None:
        raise UsageError("--fail-on-drift needs --until-idle, without which the monitor never ends")
    config = MonitorConfig(
        lateness_ms=round(settings.alerts.lateness_s * 1000),
        future_ms=round(settings.alerts.future_s * 1000),
        drift=DriftConfig(alpha=alpha, min_psi=min_psi, min_n=min_n),
        **bounds,
    )
    given = None if reference == _FIRST_WINDOW else list(read_results(Path(reference)))
    job = MonitorJob(config, given, _token_facts(settings), until_idle_s)

    newest: deque[WindowReport] = deque(maxlen=MOST_WINDOWS if report is not None else 0)

    def emit(window: WindowReport) -> None:
        newest.append(window)
        if as_json:
            print_json_line(window)
        else:
            with apart_from(report):
                click.echo("\n".join(window_lines(window)))

    with stop_on_signals() as stop:
        summary = run_monitor(settings, stop, job, emit)
    if as_json:
        print_json_line(summary)
    else:
        with apart_from(report):
            click.echo("\n".join(summary_lines(summary)))
    if report is not None:
        against = "the first window with enough results" if given is None else Path(reference).name
        write_output(report, drift_report(newest, summary, config.drift, reference=against))
    if stop.interrupted:
        raise KeyboardInterrupt
    if fail_on_drift and summary.n_drifted:
        raise CheckFailed(f"{summary.n_drifted} of {summary.n_windows} windows drifted")


def _token_facts(settings: Settings) -> TokenFacts:
    from sentiment.model.loading import locate
    from sentiment.model.manifest import TOKENIZER_FILE
    from sentiment.model.vocabulary import token_facts

    directory = locate(settings.model.path, settings.model.label_map or None)
    return token_facts(directory.path / TOKENIZER_FILE)
