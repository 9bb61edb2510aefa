"""`sentiment card`: the model card, from the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import FILE, force_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import refuse_to_replace

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment card
  sentiment card --model my-model --record evaluation.json --record audit.json --output CARD.md

Needs the extra `train`. Every number on the card comes from the manifest. --record takes what `sentiment evaluate
--json`, `sentiment audit --json` and `sentiment compare --json` printed about this version of the model. The version
does not change."""
)
@click.option("--output", type=FILE, metavar="FILE.md", help="Write the card there; default: stdout.")
@click.option(
    "--record", "documents", type=FILE, multiple=True, metavar="FILE.json", help="First write figures into --model."
)
@force_option
@common_options("model")
def card(settings: Settings, output: Path | None, documents: tuple[Path, ...], force: bool) -> None:
    """Print the card of a model: use, data, training, quality, calibration, bias, cost, limits, licences."""
    from sentiment.errors import InputError, UsageError

    refuse_to_replace(output, force=force)
    if documents and not settings.model.path:
        raise UsageError("--record needs a --model to write to")
    with train_extra("a card"):
        from training.cards.card import card as card_of
        from training.cards.recording import record
    from sentiment.model.loading import locate
    from sentiment.model.manifest import load_manifest

    directory = locate(settings.model.path or None).path
    manifest = record(directory, documents) if documents else load_manifest(directory)
    content = card_of(manifest)
    if output is None:
        click.echo(content, nl=False)
        return
    try:
        output.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {output}", err=True)
