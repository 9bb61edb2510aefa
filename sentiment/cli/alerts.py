"""`sentiment alerts`: spike detection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import until_idle_option
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.group(
    epilog="""\b
Example:
  sentiment alerts run"""
)
def alerts() -> None:
    """Detect spikes of negative feedback."""


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
