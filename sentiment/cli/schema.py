"""`sentiment schema`: the contracts as JSON Schema."""

from __future__ import annotations

import click

from sentiment.cli.outputs import print_json


@click.command(
    epilog="""\b
Example:
  sentiment schema
  sentiment schema sentiment"""
)
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of a contract, or the names of all contracts."""
    from sentiment.errors import InputError
    from sentiment.events import SCHEMAS, json_schema

    if name is None:
        click.echo("\n".join(SCHEMAS))
    elif name in SCHEMAS:
        print_json(json_schema(name))
    else:
        raise InputError(f"no such schema: {name!r}", hint=f"one of: {', '.join(SCHEMAS)}")
