"""The forms of the weights for a CPU: which of them to export, and why one is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentiment.model.manifest import Manifest

FORMS = ("int8", "bf16", "fp32")


def parse_forms(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    """Return the forms of a list such as ``fp32,int8``, each once. A callback of click."""
    forms = tuple(dict.fromkeys(form.strip() for form in value.split(",")))
    if unknown := [form for form in forms if form not in FORMS]:
        raise click.BadParameter(f"unknown form {unknown[0]!r}: takes {', '.join(FORMS)}, joined by commas")
    return forms


def print_missing_forms(manifest: Manifest) -> None:
    """Print why forms could not be exported, a line for each."""
    for form, reason in manifest.training["export"].items():
        if form in FORMS:
            click.echo(f"no {form}: {reason}; torch serves this model")
