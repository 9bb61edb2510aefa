"""`sentiment train`: fine-tune a classifier on labelled feedback."""

from __future__ import annotations

from typing import Any

import click

from sentiment.cli.job import make_job, run_job
from sentiment.cli.options import common_options
from sentiment.cli.recipe_flags import recipe_options, validation_option


@click.command(
    epilog="""\b
Example:
  sentiment train train.jsonl.gz --validation dev.jsonl.gz --output my-model \\
    --backbone sentence-transformers/all-MiniLM-L6-v2 --class-weight negative=1.25
  sentiment score --model my-model "The update made the app faster, great job!"

Requires the `train` extra. TRAIN and FILE are CSV, JSONL or Parquet (also .gz), or hub:OWNER/NAME[:SPLIT]. Rows need
`text` and `label`; `source`, `kind` (human or stars), `product` and `id` are optional. The backbone is a BERT (such as
MiniLM), RoBERTa, DistilBERT, MPNet, GPT-2 or T5."""
)
@click.argument("train_data", metavar="TRAIN")
@validation_option
@click.option("--backbone", required=True, metavar="DIR|ID", help="Model to fine-tune: a local directory or a hub id.")
@click.option(
    "--keep-layers",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Layers of the backbone to keep, evenly spaced; 0 for all.",
)
@recipe_options
@common_options()
def train(train_data: str, resume: bool, as_json: bool, settings: Any, **flags: Any) -> int:
    """Fine-tune a classifier on TRAIN, and write a model that the worker can serve.

    Texts are redacted and normalised as in serving. Progress is saved twenty times per run, and four times on a GPU.
    """
    return run_job(make_job(train=train_data, **flags), resume=resume, as_json=as_json)
