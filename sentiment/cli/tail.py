"""`sentiment tail`: print records as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import json_option
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment tail
  sentiment tail sentiment.alerts --from-beginning --json | jq .message

Reads committed records only, without a consumer group. Press Ctrl-C to stop."""
)
@click.argument("topic", required=False)
@click.option("--from-beginning", is_flag=True, help="Print existing records too.")
@json_option("Print one JSON object per line.")
@click.option(
    "--raw", is_flag=True, help="Print values as they are. Feedback and dead letters then show personal data."
)
@common_options("kafka", "topics")
def tail(settings: Settings, topic: str | None, from_beginning: bool, as_json: bool, raw: bool) -> None:
    """Print the records of TOPIC, by default the results, as they arrive.

    Feedback is redacted. Of dead letters, only the reason and the position are shown.
    """
    from consumers.cluster.connection import check_connection
    from consumers.cluster.follow import follow
    from sentiment.cli.tail_lines import line_renderer

    topic = topic or settings.topics.sentiment
    render = line_renderer(settings.topics, topic, as_json=as_json, raw=raw)
    check_connection(settings)
    for record in follow(settings, topic, from_beginning=from_beginning):
        click.echo(render(record))
