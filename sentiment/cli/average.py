"""`sentiment average`: the mean of the weights of several runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import MODEL_NAME, OUTPUT_FOLDER
from sentiment.cli.options import common_options


@click.command(
    epilog="""\b
Example:
  sentiment average run-1 run-2 --output mean
  sentiment export mean --output my-model --calibration-file train.jsonl.gz

Requires the `train` extra. The runs must have the same tokens and layers, and should have begun with the same weights:
whether the mean is better than they are shows `sentiment compare`."""
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=MODEL_NAME)
@click.option("--output", required=True, type=OUTPUT_FOLDER, metavar="DIR", help="Checkpoint to create.")
@common_options()
def average(models: tuple[str, ...], output: Path, settings: Any) -> None:
    """Write the mean of the weights of several MODELs (directories or hub ids) as a checkpoint.

    `sentiment export` takes it, and so does a training as its backbone or teacher.
    """
    with train_extra("averaging"):
        from training.exporting.mean import average_models
    average_models(models, output)
    click.echo(f"wrote {output}", err=True)
