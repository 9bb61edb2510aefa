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

With a registry (`sentiment models`) as --model, a model that is promoted is taken over while the worker runs.
SIGTERM or Ctrl-C finishes what is in flight; a second one ends at once. Nothing is lost or doubled either way."""
)
@until_idle_option
@common_options("kafka", "worker", "model", "metrics", "topics")
def worker(settings: Settings, until_idle_s: float | None) -> None:
    """Score the feedback topic: results, dead letters and offsets are committed together, exactly once."""
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
