"""`sentiment broker`: the development broker in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.flags import DIRECTORY, OUTPUT, json_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json_line

if TYPE_CHECKING:
    from sentiment.outputs import Output
    from sentiment.settings import Settings


class _TopicList(click.ParamType[dict[str, int]]):
    name = "NAME:PARTITIONS,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        """Return the number of partitions of each topic."""
        if isinstance(value, dict):
            return value
        topics = {}
        for item in filter(None, str(value).split(",")):
            name, _, count = item.rpartition(":")
            if not name or not count.isdecimal() or int(count) < 1:
                self.fail(f"{item!r} is not NAME:PARTITIONS", param, ctx)
            topics[name.strip()] = int(count)
        return topics


@click.command(
    epilog="""\b
Example:
  sentiment broker --data-dir kafka-data --topics feedback:4
  sentiment broker --port 0 --port-file broker.address

Kafka's own tools (kafka-topics, kafka-console-consumer, …) and other clients work with it.
Stop it with Ctrl-C or SIGTERM. With --data-dir the next start finds everything again, even after kill -9."""
)
@click.option("--host", metavar="HOST", default="127.0.0.1", help="Loopback address to listen on; others are refused.")
@click.option(
    "--port",
    default=9092,
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--data-dir",
    type=DIRECTORY,
    metavar="DIR",
    show_default="a temporary folder, removed at the end",
    help="Folder for the data, created if missing; one with other files in it is refused.",
)
@click.option(
    "--topics",
    type=_TopicList(),
    default="",
    show_default=False,
    metavar="NAME:PARTITIONS,…",
    help="Topics to create if missing.",
)
@click.option(
    "--fsync",
    type=click.Choice(["always", "interval", "never"]),
    default="interval",
    help="What a power cut may lose: nothing (slow), the last second, or what the system had not written yet."
    " A killed broker never loses what it acknowledged.",
)
@click.option(
    "--port-file",
    type=OUTPUT,
    metavar="FILE",
    help="Write HOST:PORT to this file when clients can connect.",
)
@click.option(
    "--rebuild-journal",
    is_flag=True,
    help="Repair a data folder whose journal is damaged or missing, then start. Records are kept; offsets and settings"
    " in damaged lines are lost.",
)
@json_option("Report readiness as one JSON object.")
@common_options()
def broker(
    settings: Settings,
    host: str,
    port: int,
    data_dir: Path | None,
    topics: dict[str, int],
    fsync: str,
    port_file: Output | None,
    rebuild_journal: bool,
    as_json: bool,
) -> int:
    """Run a Kafka-protocol broker on this machine, for development, demonstrations and tests.

    One process, one copy of the data, no TLS or authentication: not for production.
    """
    from consumers.broker.durability import FsyncPolicy
    from consumers.broker.process import BrokerOptions, run_broker

    def ready(address: str, folder: Path) -> None:
        if data_dir is None:
            click.echo(f"data is in the temporary folder {folder}, removed at the end; --data-dir keeps it", err=True)
        click.echo("this broker is for development, demonstrations and tests, not for production", err=True)
        if as_json:
            print_json_line({"bootstrap_servers": address, "data_dir": str(folder)})
        else:
            click.echo(f"listening on {address}")

    run_broker(BrokerOptions(host, port, data_dir, topics, FsyncPolicy(fsync), port_file, rebuild_journal), ready)
    return 0
