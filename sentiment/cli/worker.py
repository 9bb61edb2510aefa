"""`sentiment worker`: score the feedback topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import until_idle_option
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment worker --bootstrap-servers 127.0.0.1:9092
  sentiment worker --until-idle 10 --metrics-port 9100
  sentiment worker --model models

If --model is a registry (see `sentiment models`), the worker switches to a newly promoted model while it runs.
SIGTERM or Ctrl-C finishes the work in flight; a second one exits at once. Either way nothing is lost and nothing is
counted twice."""
)
@until_idle_option
@common_options("kafka", "outage", "worker", "model", "metrics", "topics")
def worker(settings: Settings, until_idle_s: float | None) -> None:
    """Score the feedback topic.

    Results, dead letters and offsets are committed together, so every record is scored exactly once.
    """
    from consumers.cluster.clients import check_instance_id
    from consumers.runtime.shutdown import stop_on_signals
    from consumers.scoring.worker import run_worker
    from sentiment.model.loading import load_configured

    if settings.worker.instance_id is not None:
        check_instance_id(settings.worker.instance_id)
    with stop_on_signals() as stop:
        run_worker(settings, lambda: load_configured(settings.model), stop, until_idle_s=until_idle_s)
    if stop.interrupted:
        raise KeyboardInterrupt
