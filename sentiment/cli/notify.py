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

Alerts are written to stdout, and posted to notify.webhook_url where that is set: signed with notify.webhook_secret,
and with the alert's id as idempotency key, since one is posted again if this process is killed at the wrong moment."""
)
@until_idle_option
@common_options("kafka", "notify", "metrics", "topics")
def notify(settings: Settings, until_idle_s: float | None) -> None:
    """Deliver alerts to the console and to a webhook, at least once."""
    from consumers.notifying.worker import run_notify
    from consumers.runtime.shutdown import stop_on_signals

    with stop_on_signals() as stop:
        run_notify(settings, stop, sys.stdout, until_idle_s=until_idle_s)
    if stop.interrupted:
        raise KeyboardInterrupt
