"""Flags that `sentiment train` and `sentiment distill` share."""

from __future__ import annotations

import click

from sentiment.cli.flags import OUTPUT, OUTPUT_FOLDER, Command, json_option, name_option, seed_option

_POSITIVE = click.FloatRange(0, min_open=True)


def _steps(context: click.Context, option: click.Parameter, value: int) -> int:
    if value < 1 and value != -1:
        raise click.BadParameter(f"{value} steps train nothing: give 1 or more, or -1 for no limit")
    return value


validation_option = click.option(
    "--validation", required=True, metavar="FILE", help="Held-out rows, to choose the best weights and to calibrate."
)

# In the order of the help page.
_OPTIONS = (
    click.option("--output", type=OUTPUT_FOLDER, required=True, metavar="DIR", help="Model directory to create."),
    name_option,
    click.option(
        "--backbone-licence", default="unknown", metavar="NAME", help="Licence of the backbone, for the manifest."
    ),
    click.option("--epochs", type=_POSITIVE, default=1.0, metavar="X", help="Passes over the training rows."),
    click.option(
        "--max-steps",
        type=int,
        default=-1,
        callback=_steps,
        metavar="N",
        help="Optimiser steps, instead of --epochs; -1 for no limit.",
    ),
    click.option("--learning-rate", type=_POSITIVE, default=6e-5, metavar="X", help="Peak learning rate."),
    click.option(
        "--warmup",
        "warmup_ratio",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.06,
        metavar="X",
        help="Share of the steps over which the learning rate rises to its peak.",
    ),
    click.option(
        "--schedule",
        type=click.Choice(["linear", "cosine"]),
        default="linear",
        help="How the learning rate falls from its peak to 0.",
    ),
    click.option("--weight-decay", type=click.FloatRange(0), default=0.01, metavar="X", help="Decay of the weights."),
    click.option("--batch-size", type=click.IntRange(1), default=32, metavar="N", help="Rows per batch."),
    click.option(
        "--gradient-accumulation",
        type=click.IntRange(1),
        default=1,
        metavar="N",
        help="Batches per optimiser step. Takes the memory of one, and gives the step of a batch N times as large.",
    ),
    click.option(
        "--gradient-checkpointing",
        is_flag=True,
        help="Compute activations twice instead of keeping them: less memory, more time.",
    ),
    click.option(
        "--max-length", type=click.IntRange(8, 512), default=96, metavar="N", help="Maximum tokens per training text."
    ),
    click.option(
        "--label-smoothing",
        type=click.FloatRange(0, 0.5),
        default=0.05,
        metavar="X",
        help="Share of each label that is spread over all labels.",
    ),
    click.option(
        "--class-weight",
        "class_weights",
        multiple=True,
        metavar="LABEL=X",
        show_default="1 for every label",
        help="Weight of a label in the loss; repeatable.",
    ),
    click.option(
        "--source-weight",
        "source_weights",
        multiple=True,
        metavar="SOURCE=X",
        show_default="1 for every source",
        help="Weight of a source in the loss; repeatable.",
    ),
    click.option(
        "--weak-neutral-weight",
        type=click.FloatRange(0),
        default=0.5,
        metavar="X",
        help="Weight of neutral rows of kind stars: three stars are a weak hint at a neutral text.",
    ),
    click.option(
        "--evaluations",
        type=click.IntRange(1),
        default=4,
        metavar="N",
        help="Evaluations per run, of which the best weights are kept.",
    ),
    click.option(
        "--early-stopping",
        "patience",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Stop after N evaluations without improvement; 0 for never.",
    ),
    click.option(
        "--select-on",
        type=click.Choice(["macro_f1", "source_macro_f1"]),
        default="macro_f1",
        help="Choose the best weights by macro-F1 over all rows, or by its mean over the sources.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "bf16", "no"]),
        default="auto",
        help="Mixed precision. auto takes bf16 if the hardware is fast at it.",
    ),
    click.option(
        "--lora-rank",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Train only low-rank adapters of this rank; 0 trains all weights.",
    ),
    click.option("--lora-alpha", type=click.IntRange(1), default=16, metavar="N", help="Scale of the adapters."),
    click.option(
        "--augment",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Synthetic examples to add: noisy copies of rows, and templates of negation, sarcasm, facts and people.",
    ),
    click.option("--emoji-tokens", is_flag=True, help="Add embeddings for emoji that the vocabulary lacks."),
    click.option(
        "--average-from",
        type=click.FloatRange(0, 1),
        default=1.0,
        metavar="X",
        help="Average the weights after this share of the steps, and keep the mean if it is the best; 1 is off.",
    ),
    click.option(
        "--layer-decay",
        type=click.FloatRange(0, 1, min_open=True),
        default=1.0,
        metavar="X",
        help="Learning rate of each layer as a share of that of the layer above; 1 gives all the same.",
    ),
    click.option(
        "--freeze-layers",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Leave the embeddings and the N lowest layers as they are, which is faster; 0 trains everything.",
    ),
    click.option(
        "--drop-near-duplicates",
        is_flag=True,
        help="Drop training rows that nearly match a validation row. Exact matches are always dropped.",
    ),
    click.option(
        "--report", type=OUTPUT, metavar="FILE.html", help="Draw the curves and the results on a self-contained page."
    ),
    click.option(
        "--tracker",
        type=click.Choice(["tensorboard", "mlflow"]),
        help="Also tell this tracker the parameters, the curves, the results and the model.",
    ),
    click.option(
        "--tracking-dir", metavar="DIR|URL", show_default="OUTPUT.tracking", help="Where the tracker keeps its data."
    ),
    click.option(
        "--experiment",
        default="sentiment",
        metavar="NAME",
        help="Experiment of the tracker; the run in it has the name of the model.",
    ),
    seed_option,
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        help="Where to train. auto takes a GPU if there is one.",
    ),
    click.option(
        "--save-every",
        type=click.FloatRange(0),
        default=5.0,
        metavar="MINUTES",
        help="How often the run is saved, for --resume; 0 for after every step.",
    ),
    click.option("--resume", is_flag=True, help="Continue an interrupted run."),
    json_option("Print the manifest as JSON."),
)


def recipe_options(command: Command) -> Command:
    """Add the flags; the command gets them as keywords, for ``make_job`` and ``run_job``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
