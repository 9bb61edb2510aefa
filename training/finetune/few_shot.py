"""Training from few labels: the backbone stays as it is, and logistic regression on its features becomes the head.

With a few dozen labels, training all weights learns next to nothing in one pass and learns them by heart in many. The
result is a checkpoint like any other.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.progress import Progress
from training.data.examples import Example
from training.evaluation.features import features_of, head_of
from training.evaluation.frozen_head import FrozenHead, fit_head
from training.finetune.encoded import text_tokenizer
from training.finetune.mean_layer import append_mean_layer, takes_mean
from training.finetune.trainer import FineTuning, Student
from training.finetune.work import RECORD_FILE

FEW = 64
"""Labels of the rarest class up to which they are few: see the table in docs/training.md."""

METHOD = "few-shot"


def are_few(train: Sequence[Example]) -> bool:
    """Whether the rarest label has at most ``FEW`` rows."""
    counts = Counter(example.label for example in train)
    return min(counts[label] for label in range(len(LABELS))) <= FEW


def train_head(run: FineTuning, student: Student, progress: Progress) -> None:
    """Save a checkpoint to `run.output` whose head is fitted to `run.train`, and a record of it.

    Raises ``InputError`` if a label has no row.
    """
    labels = np.array([example.label for example in run.train])
    missing = [label for index, label in enumerate(LABELS) if not (labels == index).any()]
    if missing:
        raise InputError(f"no training row is {missing[0]}, and few labels need some of each")
    began_s = time.monotonic()
    tokenizer, network = student
    mean = takes_mean(network)
    if mean:
        append_mean_layer(network)
    network.to("cuda" if run.running.on_gpu else "cpu")
    texts = [example.text for example in run.train]
    features = features_of(
        network, text_tokenizer(tokenizer), texts, max_length=run.recipe.max_length, progress=progress
    )
    weights = np.array([run.weighting.of(example) for example in run.train])
    progress.say("fitting the head")
    head = fit_head(features, labels, weights, bias=head_of(network).bias is not None, seed=run.recipe.seed)
    _put(head, network)
    run.output.mkdir(parents=True, exist_ok=True)
    network.to("cpu").save_pretrained(run.output)
    tokenizer.save_pretrained(run.output)
    record = {
        "method": METHOD,
        "features": "mean" if mean else "pooled",
        "strength": head.strength,
        "rows": len(labels),
        "device": run.running.device_name,
        "processes": 1,
        "seconds": round(time.monotonic() - began_s, 1),
    }
    (run.output / RECORD_FILE).write_text(json.dumps(record, indent=1))


def _put(head: FrozenHead, network: PreTrainedModel) -> None:
    layer = head_of(network)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(head.weight))
        if layer.bias is not None:
            layer.bias.copy_(torch.from_numpy(head.bias))
