"""`sentiment card`: the model card, from the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import FILE, OUTPUT, force_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import check_outputs, write_output

if TYPE_CHECKING:
    from sentiment.outputs import Output
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment card
  sentiment card --model my-model --record evaluation.json --record audit.json --output CARD.md

Requires the `train` extra. All figures come from the manifest. --record adds what `sentiment evaluate --json`,
`sentiment audit --json` and `sentiment compare --json` printed for this version of the model; the version stays the
same."""
)
@click.option("--output", type=OUTPUT, metavar="FILE.md", show_default="stdout", help="Write the card to this file.")
@click.option(
    "--record",
    "documents",
    type=FILE,
    multiple=True,
    metavar="FILE.json",
    help="Add these figures to the manifest of --model first; repeatable.",
)
@force_option
@common_options("model-path")
def card(settings: Settings, output: Output | None, documents: tuple[Path, ...], force: bool) -> None:
    """Print the card of a model: use, data, training, quality, calibration, bias, cost, limits and licences."""
    from sentiment.errors import UsageError

    check_outputs(output, force=force, inputs=documents)
    if documents and not settings.model.path:
        raise UsageError("--record needs --model")
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
    write_output(output, content)
