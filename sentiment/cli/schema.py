"""`sentiment schema`: the contracts as JSON Schema."""

from __future__ import annotations

import json

import click


@click.command(
    epilog="""\b
Example:
  sentiment schema            names
  sentiment schema sentiment  the schema of results"""
)
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of a contract, or the names of all of them."""
    from sentiment.errors import InputError
    from sentiment.events import SCHEMAS, json_schema

    if name is None:
        click.echo("\n".join(SCHEMAS))
    elif name in SCHEMAS:
        click.echo(json.dumps(json_schema(name), indent=2))
    else:
        raise InputError(f"there is no schema {name!r}", hint=f"one of: {', '.join(SCHEMAS)}")
