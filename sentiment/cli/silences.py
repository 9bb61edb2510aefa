"""`sentiment alerts silence`, `silences` and `unsilence`: for whom and how long nobody is told of episodes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from sentiment.cli.durations import Duration
from sentiment.cli.flags import json_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json, print_json_line

if TYPE_CHECKING:
    from sentiment.settings import Settings
    from sentiment.spikes.silences import Silence

_MAX_SEGMENTS_CHARS = 256
_MAX_REASON_CHARS = 2_000


class _Words(click.ParamType[str]):
    """A text that is not blank, of at most `longest` characters."""

    def __init__(self, name: str, longest: int) -> None:
        self.name = name
        self._longest = longest

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text without spaces around it."""
        text = str(value).strip()
        if not 0 < len(text) <= self._longest:
            self.fail(f"it takes 1 to {self._longest:,} characters", param, ctx)
        return text


@click.command(
    epilog="""\b
Example:
  sentiment alerts silence checkout --for 2h --reason "database upgrade"
  sentiment alerts silence 'checkout*' --for 30m --reason "we know"

Episodes are still recorded and listed. If one is open when the silence ends, it is announced then. Maintenance that is
planned, or comes every week, belongs into the file that alerts.maintenance_file names."""
)
@click.argument("segment", type=_Words("SEGMENT", _MAX_SEGMENTS_CHARS))
@click.option("--for", "lasts_ms", type=Duration(), required=True, metavar="DURATION", help="How long, from now on.")
@click.option(
    "--reason",
    type=_Words("TEXT", _MAX_REASON_CHARS),
    required=True,
    metavar="WORDS",
    help="Why, for those who look at the list. Alerts carry it.",
)
@json_option()
@common_options("kafka", "topics")
def silence(settings: Settings, segment: str, lasts_ms: int, reason: str, as_json: bool) -> None:
    """Record alerts of SEGMENT without sending them. A `*` in SEGMENT stands for any text."""
    from consumers.alerting.silences import add_silence
    from consumers.cluster.connection import check_connection

    check_connection(settings)
    lasts = timedelta(milliseconds=lasts_ms)
    made = add_silence(settings, segment, now=datetime.now(UTC), lasts=lasts, reason=reason)
    if as_json:
        print_json(made)
    else:
        click.echo(
            f"silenced until {made.ends_at:%Y-%m-%d %H:%M} UTC; `sentiment alerts unsilence {made.silence_id}` ends it"
        )


@click.command(
    epilog="""\b
Example:
  sentiment alerts silences
  sentiment alerts silences --json | jq .reason

Silences that have ended are forgotten a week later."""
)
@json_option("Print one JSON object per line: a silence each.")
@common_options("kafka", "topics")
def silences(settings: Settings, as_json: bool) -> None:
    """List silences that have not ended."""
    from consumers.alerting import silences as kept
    from consumers.cluster.connection import check_connection

    check_connection(settings)
    now = datetime.now(UTC)
    found = [each for each in kept.silences(settings) if each.ends_at > now]
    if as_json:
        for each in found:
            print_json_line(each)
    elif found:
        _print_silences(found)
    else:
        click.echo("no silences", err=True)


@click.command(
    epilog="""\b
Example:
  sentiment alerts unsilence 5f2c81d0"""
)
@click.argument("silence_id", metavar="ID")
@common_options("kafka", "topics")
def unsilence(settings: Settings, silence_id: str) -> None:
    """Remove the silence with this ID, which `sentiment alerts silences` shows."""
    from consumers.alerting.silences import remove_silence
    from consumers.cluster.connection import check_connection

    check_connection(settings)
    remove_silence(settings, silence_id)
    click.echo("removed", err=True)


def _print_silences(found: list[Silence]) -> None:
    from sentiment.cli.tables import output, table

    rows = [
        [
            each.silence_id,
            each.segments,
            f"{each.starts_at:%Y-%m-%d %H:%M}",
            f"{each.ends_at:%Y-%m-%d %H:%M}",
            each.reason,
        ]
        for each in found
    ]
    output().print(table(["id", "segments", "since (UTC)", "until", "reason"], rows, words=("segments", "reason")))
