"""What commands write: JSON on stdout, and files that they replace only when told to."""

from __future__ import annotations

import json
from pathlib import Path

import click


def print_json(document: object) -> None:
    """Print `document` (builtins, structs or dataclasses) as indented JSON in ASCII."""
    _print(document, indent=2)


def print_json_line(value: object) -> None:
    """Print `value` as JSON on one line, in ASCII."""
    _print(value, indent=None)


def refuse_to_replace(*outputs: Path | None, force: bool) -> None:
    """Raise ``InputError`` if one of the `outputs` exists and `force` is not set; None stands for no output."""
    from sentiment.errors import InputError

    for path in outputs:
        if path is not None and path.exists() and not force:
            raise InputError(f"{path} already exists", hint="replace it with --force, or choose another name")


def write_output(path: Path, content: str) -> None:
    """Write `content` to `path`, whole or not at all, and say so on stderr. Raises ``InputError`` if it cannot."""
    from sentiment.durable import replace_file
    from sentiment.errors import InputError

    try:
        replace_file(path, content.encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)


def _print(value: object, indent: int | None) -> None:
    import msgspec

    # ASCII, since some readers take U+2028 in a text for the end of a line, and terminals obey C1 controls.
    click.echo(json.dumps(msgspec.to_builtins(value), indent=indent))
