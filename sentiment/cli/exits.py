"""`sentiment exits`: let easy texts leave a model before its last layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import FILE, MODEL_DIRECTORY, OUTPUT_FOLDER, force_option, json_option, seed_option
from sentiment.cli.inputs import text_field_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import check_outputs, print_json


class Layers(click.ParamType[tuple[int, ...]]):
    """`4,8` as numbers."""

    name = "N,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers, in the order given."""
        parts = str(value).split(",")
        if not all(part.strip().isdecimal() for part in parts):
            self.fail("not numbers of layers, such as 4,8", param, ctx)
        return tuple(int(part) for part in parts)


@click.command(
    epilog="""\b
Example:
  sentiment exits my-model --layers 4,8 --texts train.jsonl.gz --output my-fast-model
  sentiment calibrate dev.jsonl.gz --model my-fast-model --in-place
  sentiment evaluate dev.jsonl.gz --model my-fast-model

Requires the `train` extra, and a BERT, RoBERTa, DistilBERT or MPNet with an OpenVINO form. Texts need no labels. No
text leaves early until `sentiment calibrate` has found, on other rows, how sure an exit must be."""
)
@click.argument("model", type=MODEL_DIRECTORY)
@click.option("--layers", required=True, type=Layers(), help="Layers with an exit behind them, counted from 1.")
@click.option(
    "--texts",
    "files",
    required=True,
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="Texts like those to be served, from which the exits learn; repeatable.",
)
@text_field_option("Text column of the files.")
@click.option(
    "--max-texts",
    type=click.IntRange(100),
    default=25_000,
    metavar="N",
    help="Maximum texts to learn from, evenly spaced. Higher takes more time and memory.",
)
@click.option("--output", required=True, type=OUTPUT_FOLDER, metavar="DIR", help="Directory to create.")
@seed_option
@force_option
@json_option("Print the manifest as JSON.")
@common_options("threads")
def exits(
    model: Path,
    layers: tuple[int, ...],
    files: tuple[Path, ...],
    text_field: str,
    max_texts: int,
    output: Path,
    seed: int,
    force: bool,
    as_json: bool,
    settings: Any,
) -> None:
    """Give MODEL early exits, and write it to another directory.

    The network stays as it is: with exits off the new model gives the answers of the old one. Behind each of --layers
    a small head learns the answers of the whole network. A text leaves at the first one that is sure enough.
    """
    from sentiment.cli.progress import Ticker
    from sentiment.errors import UsageError

    check_outputs(output, force=force)
    source, target = model.resolve(), output.resolve()
    if source == target or source in target.parents or target in source.parents:
        raise UsageError("--output is the model directory, or is inside or around it", hint="choose another")
    with train_extra("teaching exits"):
        from training.exporting.exits import ExitsJob, add_exits
    job = ExitsJob(
        model=model,
        output=output,
        layers=layers,
        files=files,
        text_field=text_field,
        max_texts=max_texts,
        seed=seed,
        threads=settings.model.threads,
    )
    with Ticker() as ticker:
        manifest, qualities = add_exits(job, progress=ticker)
    if as_json:
        print_json(manifest)
    else:
        for quality in qualities:
            click.echo(
                f"the exit after layer {quality.layer} has the label of the whole network for {quality.agreement:.1%} "
                f"of {quality.n:,} held-out windows"
            )
    click.echo(f"wrote {output} ({manifest.name} {manifest.version})", err=True)
    click.echo("no text leaves early yet: run `sentiment calibrate` on rows that are not in --texts", err=True)
