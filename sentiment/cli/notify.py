"""`sentiment notify`: deliver alerts."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import until_idle_option
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment notify
  SENTIMENT_NOTIFY__WEBHOOK_URL=https://example.com/hook sentiment notify --until-idle 10
  sentiment notify --redeliver --until-idle 10
  sentiment notify --test pager

Alerts are printed, posted to notify.webhook_url if it is set, and sent to the channels in notify.channels_file. An
alert is sent again if this process is killed at the wrong moment, with the same id. An alert that a channel refuses, or
that fails for notify.give_up_s, is parked; --redeliver sends it to that channel.
With --until-idle, a channel that keeps failing ends the run with an error."""
)
@click.option("--redeliver", is_flag=True, help="Deliver parked alerts instead of new ones.")
@click.option(
    "--channel",
    "channels",
    metavar="NAME",
    multiple=True,
    help="Deliver to this channel alone, with a progress of its own; repeatable.",
)
@click.option("--test", metavar="CHANNEL", help="Send a test alert to this channel, say what it answered, and exit.")
@until_idle_option
@common_options("kafka", "outage", "notify", "metrics", "topics")
def notify(
    settings: Settings, until_idle_s: float | None, redeliver: bool, channels: tuple[str, ...], test: str | None
) -> None:
    """Deliver alerts to people, each at least once."""
    from consumers.notifying.worker import run_notify, try_channel
    from consumers.runtime.shutdown import stop_on_signals

    if test is not None:
        try_channel(settings, test, sys.stdout, datetime.now(UTC))
        click.echo(f"{test} took the test alert, and that it is over")
        return
    with stop_on_signals() as stop:
        run_notify(settings, stop, sys.stdout, until_idle_s=until_idle_s, redeliver=redeliver, channels=channels)
    if stop.interrupted:
        raise KeyboardInterrupt
