"""`sentiment notify`: deliver alerts."""

from __future__ import annotations

import sys
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

Alerts are printed, and posted to notify.webhook_url if it is set. Posts are signed with notify.webhook_secret. The
alert's id is their idempotency key, because an alert is posted again if this process is killed at the wrong moment.
An alert that a channel refuses, or that fails for notify.give_up_s, is parked; --redeliver sends it to that channel.
With --until-idle, a channel that keeps failing ends the run with an error."""
)
@click.option("--redeliver", is_flag=True, help="Deliver parked alerts instead of new ones.")
@until_idle_option
@common_options("kafka", "outage", "notify", "metrics", "topics")
def notify(settings: Settings, until_idle_s: float | None, redeliver: bool) -> None:
    """Deliver alerts to the console and to a webhook, each at least once."""
    from consumers.notifying.worker import run_notify
    from consumers.runtime.shutdown import stop_on_signals

    with stop_on_signals() as stop:
        run_notify(settings, stop, sys.stdout, until_idle_s=until_idle_s, redeliver=redeliver)
    if stop.interrupted:
        raise KeyboardInterrupt
