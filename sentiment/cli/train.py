"""`sentiment train`: labelled feedback to a model directory."""

from __future__ import annotations

from typing import Any

import click

from sentiment.cli.options import common_options
from sentiment.cli.recipe import make_job, recipe_options, run_job


@click.command(
    epilog="""\b
Example:
  sentiment train train.jsonl.gz --validation dev.jsonl.gz --output my-model \\
    --backbone sentence-transformers/all-MiniLM-L6-v2 --class-weight negative=1.25
  sentiment score --model my-model "The update made the app faster, great job!"

Needs the extra `train`. TRAIN and FILE are CSV, JSONL or Parquet (.gz too), or hub:OWNER/NAME[:SPLIT]. Rows have `text`
and `label`; `source`, `kind` (human or stars), `product` and `id` are optional. The backbone is a BERT (MiniLM is one),
RoBERTa, DistilBERT, MPNet, GPT-2 or T5."""
)
@click.argument("train_data", metavar="TRAIN")
@click.option("--validation", required=True, metavar="FILE", help="Held-out rows: selection, temperature.")
@click.option("--backbone", required=True, metavar="DIR|ID", help="What to fine-tune: a local directory or a hub id.")
@click.option("--keep-layers", type=click.IntRange(0), default=0, help="Of the backbone, evenly spaced; default: all.")
@recipe_options
@common_options()
def train(train_data: str, resume: bool, as_json: bool, settings: Any, **flags: Any) -> None:
    """Fine-tune a classifier on TRAIN and write a model that the worker can serve.

    The same redaction and normalisation as in serving is applied to every text. Progress is saved twenty times a run.
    """
    run_job(make_job(train=train_data, **flags), resume=resume, as_json=as_json)
