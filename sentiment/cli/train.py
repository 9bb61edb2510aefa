"""`sentiment train`: labelled feedback to a model directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sentiment.cli.options import common_options

_FILE = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Example:
  sentiment train train.jsonl.gz --validation dev.jsonl.gz --output my-model \\
    --backbone sentence-transformers/all-MiniLM-L6-v2 --class-weight negative=1.25
  sentiment score --model my-model "The update made the app faster, great job!"

Needs the extra `train`. Rows have `text` and `label`; `source` and `kind` (human or stars) are optional."""
)
@click.argument("train_file", metavar="TRAIN", type=_FILE)
@click.option("--validation", type=_FILE, required=True, metavar="FILE", help="Held-out rows: selection, temperature.")
@click.option("--backbone", required=True, metavar="DIR|ID", help="What to fine-tune: a local directory or a hub id.")
@click.option("--backbone-licence", default="unknown", show_default=True, help="Goes into the manifest.")
@click.option("--output", type=_FILE, required=True, metavar="DIR", help="The model directory to make.")
@click.option("--name", help="Of the model, in results; default: the name of the output.")
@click.option("--epochs", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True)
@click.option("--max-steps", type=int, default=-1, help="Of the optimiser; overrides --epochs.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=6e-5, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option("--max-length", type=click.IntRange(8, 512), default=96, show_default=True, help="Tokens, in training.")
@click.option("--label-smoothing", type=click.FloatRange(0, 0.5), default=0.05, show_default=True)
@click.option("--class-weight", "class_weights", multiple=True, metavar="LABEL=W", help="Repeatable; 1 by default.")
@click.option("--source-weight", "source_weights", multiple=True, metavar="SOURCE=W", help="Repeatable; 1 by default.")
@click.option("--seed", type=int, default=13, show_default=True)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
@common_options()
def train(
    train_file: Path,
    validation: Path,
    backbone: str,
    backbone_licence: str,
    output: Path,
    name: str | None,
    class_weights: tuple[str, ...],
    source_weights: tuple[str, ...],
    resume: bool,
    as_json: bool,
    settings: Any,
    **recipe: Any,
) -> None:
    """Fine-tune a classifier on TRAIN and write a model that the worker can serve.

    The same redaction and normalisation as in serving is applied to every text. Progress is saved twenty times a run.
    """
    from sentiment.errors import ConfigurationError
    from sentiment.events import LABELS

    by_class = _weights(class_weights, "--class-weight")
    if unknown := set(by_class) - set(LABELS):
        raise ConfigurationError(f"--class-weight: unknown label {min(unknown)!r}", hint=f"one of {', '.join(LABELS)}")
    by_source = _weights(source_weights, "--source-weight")
    try:
        from training.data import Weighting
        from training.pipeline import TrainingJob, train_model
        from training.trainer import Recipe
    except ImportError as error:
        raise ConfigurationError(
            f"training needs {error.name}, which is not installed", hint="pip install 'sentiment-pipeline[train]'"
        ) from None
    job = TrainingJob(
        train=train_file,
        validation=validation,
        backbone=backbone,
        output=output,
        name=name or output.name,
        recipe=Recipe(**recipe),
        weighting=Weighting(classes=_of_labels(by_class), sources=by_source),
        licences={"backbone": backbone_licence},
    )
    manifest = train_model(job, resume=resume)
    if as_json:
        import msgspec

        click.echo(json.dumps(msgspec.to_builtins(manifest), indent=2))
        return
    for weights in ("int8", "fp32"):
        quality = manifest.metrics["validation"][weights]
        click.echo(f"{weights}: macro-F1 {quality['macro_f1']:.4f}, ECE {quality['ece']:.4f} on {quality['n']} rows")
    click.echo(f"wrote {output} ({manifest.name} {manifest.version})")


def _weights(pairs: tuple[str, ...], flag: str) -> dict[str, float]:
    from sentiment.errors import ConfigurationError

    weights = {}
    for pair in pairs:
        key, _, value = pair.rpartition("=")
        try:
            weights[key] = float(value)
        except ValueError:
            weights[key] = -1.0
        if not key or not 0 <= weights[key] < 1e6:
            raise ConfigurationError(f"{flag} takes NAME=WEIGHT with a weight ≥ 0, not {pair!r}")
    return weights


def _of_labels(weights: dict[str, float]) -> tuple[float, float, float]:
    return weights.get("negative", 1.0), weights.get("neutral", 1.0), weights.get("positive", 1.0)
