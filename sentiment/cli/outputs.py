"""What commands write: JSON on stdout, and files that they replace only when told to."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentiment.outputs import Output


def print_json(document: object) -> None:
    """Print `document` (builtins, structs or dataclasses) as indented JSON in ASCII."""
    _print(document, indent=2)


def print_json_line(value: object) -> None:
    """Print `value` as JSON on one line, in ASCII."""
    _print(value, indent=None)


def check_outputs(
    *outputs: Output | Path | None, force: bool | None, inputs: Iterable[Path | str | None] = (), as_json: bool = False
) -> None:
    """Refuse `outputs` that would lose something. A path is a folder; None stands for no output.

    `force` is None if the command has no --force.

    Raises:
        InputError: one exists and `force` is not set, two are the same file, or one is among the `inputs`.
        UsageError: one is standard output, where the JSON document goes.
    """
    from sentiment.errors import InputError, UsageError
    from sentiment.outputs import Output, refuse_clashes

    files = [output for output in outputs if isinstance(output, Output)]
    if as_json and any(file.is_stdout for file in files):
        raise UsageError("--json and another output both go to stdout", hint="name a file for one of them")
    refuse_clashes(files, [Path(given) for given in inputs if given is not None])
    for output in outputs:
        if output is None or force:
            continue
        there = output.exists if isinstance(output, Output) else output.exists()
        if there:
            name = output.name if isinstance(output, Output) else output
            remedy = "remove it" if force is None else "replace it with --force"
            raise InputError(f"{name} already exists", hint=f"{remedy}, or choose another name")


def write_output(output: Output, content: str | bytes) -> None:
    """Write `content` (text as UTF-8), and say so on stderr. Raises ``InputError`` if it cannot."""
    output.write(content.encode() if isinstance(content, str) else content)
    if not output.is_stdout:
        click.echo(f"wrote {output.name}", err=True)


@contextmanager
def apart_from(*outputs: Output | None) -> Iterator[None]:
    """Send what is printed here to stderr if one of the `outputs` is standard output."""
    stream = sys.stderr if any(output is not None and output.is_stdout for output in outputs) else sys.stdout
    with redirect_stdout(stream):
        yield


def _print(value: object, indent: int | None) -> None:
    import msgspec

    # ASCII, since some readers take U+2028 in a text for the end of a line, and terminals obey C1 controls.
    click.echo(json.dumps(msgspec.to_builtins(value), indent=indent))
