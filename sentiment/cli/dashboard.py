"""`sentiment dashboard`: the live page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import FILE
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment dashboard
  sentiment dashboard --host 0.0.0.0 --token-file /run/secrets/dashboard-token

Open http://127.0.0.1:8080 in a browser. It reads the topics from their beginning, without a consumer group, so a
restart shows the same. Beyond this machine it needs a token, and a proxy in front of it that brings TLS."""
)
@click.option("--host", metavar="HOST", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8080, type=click.IntRange(1, 65_535), metavar="PORT", help="Port to listen on.")
@click.option("--token-file", type=FILE, metavar="FILE", help="File that holds the password of the page.")
@common_options("kafka", "alerts", "topics")
def dashboard(settings: Settings, host: str, port: int, token_file: Path | None) -> None:
    """Serve a page that shows what customers feel, live."""
    from consumers.dashboard.run import run_dashboard
    from consumers.runtime.shutdown import stop_on_signals

    click.echo(f"the page: http://{host}:{port} (Ctrl-C stops it)", err=True)
    with stop_on_signals() as stop:
        run_dashboard(settings, stop, host, port, token_file)
    if stop.interrupted:
        raise KeyboardInterrupt
