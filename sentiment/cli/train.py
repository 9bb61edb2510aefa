"""`sentiment train`: fine-tune a classifier on labelled feedback."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import MODEL_NAME, typed
from sentiment.cli.job import make_job, run_job
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.recipe_flags import recipe_options, validation_option

if TYPE_CHECKING:
    from sentiment.outputs import Output
    from sentiment.sources import ReadingOptions

_FLAGS = {"warmup_ratio": "warmup", "patience": "early-stopping"}
_OF_ALL_WEIGHTS = (
    "epochs",
    "max_steps",
    "learning_rate",
    "warmup_ratio",
    "schedule",
    "weight_decay",
    "batch_size",
    "gradient_accumulation",
    "label_smoothing",
    "evaluations",
    "patience",
    "lora_rank",
    "average_from",
    "layer_decay",
    "freeze_layers",
)
"""Flags that say how to train the weights of the backbone."""


@click.command(
    epilog="""\b
Example:
  sentiment train train.jsonl.gz --validation dev.jsonl.gz --output my-model \\
    --backbone sentence-transformers/all-MiniLM-L6-v2 --class-weight negative=1.25
  sentiment score --model my-model "The update made the app faster, great job!"

Requires the `train` extra. TRAIN and FILE are CSV, JSONL or Parquet (also .gz), or hub:OWNER/NAME[:SPLIT]. Rows need a
text and a label: name your columns, and say what your labels mean with --label-map 0=negative,1=neutral,2=positive.
`source`, `kind` (human or stars), `product` and `id` are optional. The backbone is a BERT (such as MiniLM), RoBERTa,
DistilBERT, MPNet, GPT-2 or T5."""
)
@click.argument("train_data", metavar="TRAIN")
@validation_option
@click.option(
    "--backbone",
    required=True,
    type=MODEL_NAME,
    metavar="DIR|ID|shipped",
    help="Model to fine-tune: a local directory, a hub id, or the shipped model.",
)
@click.option(
    "--keep-layers",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Layers of the backbone to keep, evenly spaced; 0 for all.",
)
@click.option(
    "--few-shot/--no-few-shot",
    default=None,
    show_default="if a label has at most 64 rows, and no flag says how to train",
    help="Train the head alone, on features of the backbone as it is: for a few dozen labels, in seconds.",
)
@labelled_options
@recipe_options
@common_options("label-map")
def train(
    train_data: str,
    text_field: str,
    label_field: str,
    reading: ReadingOptions,
    resume: bool,
    report: Output | None,
    as_json: bool,
    settings: Any,
    few_shot: bool | None,
    **flags: Any,
) -> int:
    """Fine-tune a classifier on TRAIN, and write a model that the worker can serve.

    Texts are redacted and normalised as in serving. Under torchrun several processes train together.
    """
    with train_extra():
        layout = layout_of(settings, text_field, label_field, reading)
    few_shot = _few_shot(few_shot, typed({name: flags[name] for name in _OF_ALL_WEIGHTS}))
    return run_job(
        make_job(train=train_data, layout=layout, few_shot=few_shot, **flags),
        resume=resume,
        report=report,
        as_json=as_json,
    )


def _few_shot(asked: bool | None, told: Collection[str]) -> bool | None:
    """None leaves it to the number of rows. Whoever has `told` how to train the weights wants them trained."""
    from sentiment.errors import UsageError

    if asked and told:
        names = ", ".join(f"--{_FLAGS.get(name, name.replace('_', '-'))}" for name in told)
        raise UsageError(f"--few-shot trains the head alone, so it takes no {names}", hint="leave out one of them")
    return False if told else asked
