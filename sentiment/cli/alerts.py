"""`sentiment alerts`: spike detection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import json_option, until_idle_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json, print_json_line
from sentiment.cli.silences import silence, silences, unsilence

if TYPE_CHECKING:
    from sentiment.events import Alert
    from sentiment.settings import Settings
    from sentiment.spikes.explanation import Explanation
    from sentiment.statistics import Estimate


@click.group(
    epilog="""\b
Example:
  sentiment alerts run
  sentiment alerts list --open
  sentiment alerts explain checkout
  sentiment alerts silence checkout --for 2h --reason "database upgrade\""""
)
def alerts() -> None:
    """Detect spikes of negative feedback, ask why there was an alert or none, and silence alerts."""


for command in (silence, silences, unsilence):
    alerts.add_command(command)


@alerts.command(
    epilog="""\b
Example:
  sentiment alerts run --bootstrap-servers 127.0.0.1:9092
  sentiment alerts run --until-idle 10

Alerts go to the alerts topic, from which `sentiment notify` delivers them. A restart raises no alert twice. With
--until-idle, the last minutes are evaluated before the command exits."""
)
@until_idle_option
@common_options("kafka", "outage", "alerts", "metrics", "topics")
def run(settings: Settings, until_idle_s: float | None) -> None:
    """Raise an alert when a product's share of negative results rises by more than chance."""
    from consumers.alerting.worker import run_alerts
    from consumers.runtime.shutdown import stop_on_signals

    with stop_on_signals() as stop:
        run_alerts(settings, stop, until_idle_s=until_idle_s)
    if stop.interrupted:
        raise KeyboardInterrupt


@alerts.command(
    "list",
    epilog="""\b
Example:
  sentiment alerts list
  sentiment alerts list --open --json | jq .message

Reads the alerts topic. An episode that is older than the topic's retention is not listed.""",
)
@click.option("--open", "only_open", is_flag=True, help="Only episodes that are not resolved.")
@click.option("--last", type=click.IntRange(1), default=20, metavar="N", help="At most N episodes.")
@json_option("Print one JSON object per line: the latest alert of each episode.")
@common_options("kafka", "topics")
def list_alerts(settings: Settings, only_open: bool, last: int, as_json: bool) -> None:
    """List episodes, the newest first."""
    from consumers.alerting.inspection import episodes
    from consumers.cluster.connection import check_connection

    check_connection(settings)
    found = [alert for alert in episodes(settings) if alert.status == "firing" or not only_open][:last]
    if as_json:
        for alert in found:
            print_json_line(alert)
    elif found:
        _print_episodes(found)
    else:
        click.echo("no episodes" if not only_open else "no open episodes", err=True)


@alerts.command(
    epilog="""\b
Example:
  sentiment alerts explain checkout
  sentiment alerts explain checkout 2026-03-14T09:30:00Z --json

Without TIME it shows what the alert workers have committed. With TIME it replays the results that are still on their
topic; if these do not reach back to the segment's beginning, it knew more then than this shows."""
)
@click.argument("segment")
@click.argument("time", required=False)
@json_option()
@common_options("kafka", "alerts", "topics")
def explain(settings: Settings, segment: str, time: str | None, as_json: bool) -> None:
    """Show why SEGMENT (a product) alarms, or why it does not: now, or at TIME."""
    from consumers.alerting.inspection import explain_now, explain_then
    from consumers.cluster.connection import check_connection
    from sentiment.errors import UsageError
    from sentiment.sources.times import UnreadableTimeError, parse_time

    try:
        at = None if time is None else parse_time(time)
    except UnreadableTimeError as error:
        raise UsageError(f"TIME: {error}", hint="write it as 2026-03-14T09:30:00Z") from None
    check_connection(settings)
    explanation = explain_now(settings, segment) if at is None else explain_then(settings, segment, at)
    if as_json:
        print_json(explanation)
    else:
        _print_explanation(explanation)


def _print_episodes(found: list[Alert]) -> None:
    from sentiment.cli.tables import output, table

    rows = [
        [
            alert.segment,
            ("open" if alert.status == "firing" else "resolved") + (", silenced" if alert.silenced else ""),
            alert.severity,
            f"{alert.started_at:%Y-%m-%d %H:%M}",
            f"{alert.window_end:%Y-%m-%d %H:%M}",
            f"{alert.n:,}",
            f"{alert.observed.value:.0%}",
            f"{alert.expected:.0%}",
        ]
        for alert in found
    ]
    columns = ["segment", "status", "severity", "since (UTC)", "until", "results", "negative", "expected"]
    output().print(table(columns, rows, words=("status", "severity")))


def _print_explanation(found: Explanation) -> None:
    from sentiment.cli.tables import line, output, table

    console = output()
    console.print(line(f"{found.segment}, {_clock(found.minute)}: {found.verdict}", style="bold"))
    if found.silenced is not None:
        console.print(line(f"silenced: {found.silenced}"))
    expected = _share(found.expected, found.low, found.high)
    console.print(line(f"expected: {expected}{_corrected(found.expected_corrected)}"))
    if found.observed is not None:
        observed = _share(found.observed.value, found.observed.low, found.observed.high)
        console.print(line(f"in the episode: {observed}{_corrected(found.observed_corrected)}"))
    console.print(line(f"lately {found.per_bucket:.1f} results in five minutes; {found.learnt_n:,} results learnt"))
    console.print(line(f"an alarm takes {found.threshold:.1f} nats and enough results"))
    rows = [
        [
            f"× {arm.odds_ratio:g}",
            f"{arm.statistic:.2f}",
            "–" if arm.since is None else _clock(arm.since),
            f"{arm.n:,}",
            f"{arm.negatives:,}",
        ]
        for arm in found.arms
    ]
    if rows:
        console.print(table(["rise of the odds", "evidence (nats)", "since", "results", "negative"], rows))


def _corrected(share: Estimate | None) -> str:
    if share is None:
        return ""
    return f"; without the model's mistakes {_share(share.value, share.low, share.high)}"


def _share(value: float, low: float, high: float) -> str:
    return f"{value:.1%} negative, between {low:.1%} and {high:.1%}"


def _clock(minute: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%d %H:%M UTC}"
