"""`sentiment topics`: list topics, and create those that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import json_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json_line

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.group(
    epilog="""\b
Example:
  sentiment topics create --partitions 8
  sentiment topics list""",
)
def topics() -> None:
    """List or create topics."""


@topics.command(
    "list",
    epilog="""\b
Example:
  sentiment topics list
  sentiment topics list --json | jq 'select(.stable < .high)'""",
)
@json_option("Print one JSON object per line and partition.")
@common_options("kafka")
def list_topics(settings: Settings, as_json: bool) -> None:
    """List every topic with its partitions and offsets.

    `low` is the oldest offset that is kept, `high` the end. `stable` is the end for readers of committed records; it
    stays below `high` while a transaction is open. Transactions take offsets too, so `high` − `low` is not the number
    of records.
    """
    from consumers.cluster.connection import check_connection
    from consumers.cluster.topics import list_partitions

    check_connection(settings)
    found = list_partitions(settings)
    if as_json:
        for partition in found:
            print_json_line(partition)
    else:
        from sentiment.cli.tables import output, table

        rows = [(p.topic, str(p.partition), str(p.low), str(p.stable), str(p.high)) for p in found]
        output().print(table(("topic", "partition", "low", "stable", "high"), rows))


@topics.command(
    epilog="""\b
Example:
  sentiment topics create
  sentiment topics create feedback --partitions 12

Dead letters are kept for seven days. The states of alerts and ingest are compacted. The first has as many partitions as
the results, the other has one."""
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@common_options("kafka", "partitions")
def create(settings: Settings, names: tuple[str, ...]) -> None:
    """Create all topics of the project, or only those named. Existing topics are left alone."""
    from consumers.cluster.connection import check_connection
    from consumers.cluster.topics import ensure_topics, plans

    settings = settings.model_copy(update={"topics": settings.topics.model_copy(update={"create": True})})
    check_connection(settings)
    wanted = list(names) or list(plans(settings.topics))
    made = set(ensure_topics(settings, wanted))
    for name in wanted:
        click.echo(f"{name}: {'created' if name in made else 'exists'}")
