"""Train BERT, RoBERTa, GPT-2 and T5 from scratch under equal budgets, for `sentiment compare`.

    python -m training.comparison.scratch train.jsonl.gz --leave-out dev.jsonl.gz --output scratch

All four have the same size, vocabulary size, rows, steps, batches and seed. Each has its own kind of tokenizer, trained
on the same rows. The result shows how the architectures learn from little data. It does not apply to pretrained models.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from sentiment.errors import InputError, SentimentError
from sentiment.model.manifest import Manifest
from training.comparison.architectures import ARCHITECTURES, Architecture, save_untrained
from training.data.examples import Example, Weighting, describe, read_examples, without_leakage
from training.exporting.export import ExportPlan, Provenance, export_model
from training.finetune.recipe import Recipe
from training.finetune.trainer import FineTuning, fine_tune


@dataclass(frozen=True, slots=True)
class Budget:
    """What each architecture gets. `max_length` is in tokens. `held_out` rows of the file select and calibrate."""

    steps: int = 800
    batch_size: int = 32
    learning_rate: float = 5e-4
    max_length: int = 64
    vocabulary_size: int = 8_000
    held_out: int = 1_500
    seed: int = 13


def split(examples: Sequence[Example], budget: Budget) -> tuple[list[Example], list[Example]]:
    """The rows to train on (as many as the steps can see) and the held-out rows, drawn by the seed.

    Raises ``InputError`` if all rows would be held out.
    """
    if len(examples) <= budget.held_out:
        raise InputError(f"no rows are left to train on: {budget.held_out} of {len(examples)} are held out")
    order = np.random.default_rng(budget.seed).permutation(len(examples))
    seen = order[budget.held_out : budget.held_out + budget.steps * budget.batch_size]
    return [examples[row] for row in seen], [examples[row] for row in order[: budget.held_out]]


def train_from_scratch(
    architecture: Architecture, train: Sequence[Example], held_out: Sequence[Example], output: Path, budget: Budget
) -> Manifest:
    """Write a model directory for the torch backend to `output`, which must not exist.

    The temperature is fitted on `held_out`, which also selected the weights.
    """
    work = output.with_name(output.name + ".training")
    shutil.rmtree(work, ignore_errors=True)
    began_s = time.monotonic()
    n_parameters = save_untrained(
        architecture,
        work / "untrained",
        [example.text for example in train],
        vocabulary_size=budget.vocabulary_size,
        max_length=budget.max_length,
        seed=budget.seed,
    )
    recipe = _recipe(budget)
    fine_tune(FineTuning(str(work / "untrained"), train, held_out, work / "trained", recipe, Weighting()))
    training = {
        "budget": asdict(budget),
        "n_parameters": n_parameters,
        "took_s": round(time.monotonic() - began_s),
        "versions": {package: importlib.metadata.version(package) for package in ("torch", "transformers")},
    }
    data = {"train": describe(train), "held_out": describe(held_out)}
    plan = ExportPlan((), forms=(), max_length=budget.max_length, temperature_rows=held_out)
    origin = Provenance(output.name, f"{architecture}, random weights", training, data)
    manifest = export_model(work / "trained", output, plan, origin)
    shutil.rmtree(work)
    return manifest


def _recipe(budget: Budget) -> Recipe:
    return Recipe(
        max_steps=budget.steps,
        batch_size=budget.batch_size,
        learning_rate=budget.learning_rate,
        max_length=budget.max_length,
        warmup_ratio=0.1,
        seed=budget.seed,
    )


@click.command(
    epilog="""\b
Example:
  python -m training.comparison.scratch train.jsonl.gz --leave-out dev.jsonl.gz --output scratch
  sentiment compare dev.jsonl.gz --model bert=scratch/bert --model t5=scratch/t5 --lexicon"""
)
@click.argument("train_file", metavar="TRAIN", type=click.Path(path_type=Path))
@click.option("--leave-out", type=click.Path(path_type=Path), metavar="FILE", help="Test rows, left out of training.")
@click.option("--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the models go.")
@click.option(
    "--architecture",
    "chosen",
    multiple=True,
    type=click.Choice(ARCHITECTURES),
    help="Architecture to train, repeatable [default: all].",
)
@click.option("--steps", type=click.IntRange(1), default=Budget().steps, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=Budget().batch_size, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=Budget().learning_rate)
@click.option("--max-length", type=click.IntRange(8, 512), default=Budget().max_length, show_default=True)
@click.option("--vocabulary-size", type=click.IntRange(300), default=Budget().vocabulary_size, show_default=True)
@click.option("--held-out", type=click.IntRange(1), default=Budget().held_out, show_default=True)
@click.option("--seed", type=int, default=Budget().seed, show_default=True)
def main(
    train_file: Path, leave_out: Path | None, output: Path, chosen: tuple[Architecture, ...], **budget_of: float
) -> None:
    """Train small models of several architectures from scratch on TRAIN.

    Existing models are kept, so the same command continues after an interruption.
    """
    budget = Budget(**budget_of)  # type: ignore[arg-type]
    examples = read_examples(train_file)
    if leave_out is not None:
        examples, dropped = without_leakage(examples, read_examples(leave_out))
        click.echo(f"left out {dropped:,} rows that are also in {leave_out}", err=True)
    train, held_out = split(examples, budget)
    output.mkdir(parents=True, exist_ok=True)
    for architecture in chosen or ARCHITECTURES:
        if (output / architecture).exists():
            click.echo(f"{architecture}: exists", err=True)
            continue
        manifest = train_from_scratch(architecture, train, held_out, output / architecture, budget)
        click.echo(f"{architecture}: {manifest.training['n_parameters']:,} parameters, {manifest.training['took_s']} s")


def run(arguments: Sequence[str]) -> int:
    """Run the command. Expected errors become a message on standard error and an exit code."""
    try:
        main(list(arguments), prog_name="python -m training.comparison.scratch", standalone_mode=False)
    except SentimentError as error:
        click.echo(f"error: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else ""), err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
