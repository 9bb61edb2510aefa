"""Fine-tuning with transformers' Trainer: a weighted loss with label smoothing, selection by macro-F1, resumable.

What comes out is a plain transformers checkpoint; `training.pipeline` makes a servable model of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from sentiment.errors import InputError, ModelError
from sentiment.events import LABELS
from training.data import Example, Weighting


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyperparameters of one fine-tuning. `max_length` in tokens, special ones included."""

    epochs: float = 1.0
    learning_rate: float = 6e-5
    batch_size: int = 32
    max_length: int = 96
    warmup_ratio: float = 0.06
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    seed: int = 13
    max_steps: int = -1


class _Encoded(torch.utils.data.Dataset[dict[str, Any]]):
    """Token ids, label and weight of each example, by index."""

    def __init__(self, tokenizer: Any, examples: Sequence[Example], weighting: Weighting, max_length: int) -> None:
        texts = [example.text for example in examples]
        self.input_ids = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
        self.labels = [example.label for example in examples]
        self.weights = [weighting.of(example) for example in examples]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self.input_ids[index], "labels": self.labels[index], "weight": self.weights[index]}


class _WeightedTrainer(Trainer):  # type: ignore[misc]
    """Cross-entropy with label smoothing, averaged by the examples' weights."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        weight = inputs.pop("weight")
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        smoothing = self.args.label_smoothing_factor if model.training else 0.0
        losses = torch.nn.functional.cross_entropy(
            outputs.logits.float(), labels, reduction="none", label_smoothing=smoothing
        )
        loss = (losses * weight).sum() / weight.sum().clamp_min(1e-6)
        return (loss, outputs) if return_outputs else loss


def fine_tune(
    backbone: str,
    train: Sequence[Example],
    validation: Sequence[Example],
    output: Path,
    *,
    recipe: Recipe,
    weighting: Weighting,
    resume: bool = False,
) -> None:
    """Fine-tune `backbone` (a hub id or a local directory) and save a transformers checkpoint to `output`.

    Intermediate state lies in `output`/steps until the end; with `resume` an interrupted run goes on from the newest.

    Raises:
        ModelError: the backbone cannot be loaded.
        InputError: nothing to resume.
    """
    steps = output / "steps"
    last = get_last_checkpoint(steps) if steps.is_dir() else None
    if resume and last is None:
        raise InputError(f"there is nothing to resume in {output}", hint="run without --resume")
    tokenizer, model = _load(backbone)
    arguments = TrainingArguments(
        output_dir=str(steps),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_ratio,
        weight_decay=recipe.weight_decay,
        label_smoothing_factor=recipe.label_smoothing,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=128,
        train_sampling_strategy="group_by_length",
        eval_strategy="steps",
        eval_steps=0.25,
        save_strategy="steps",
        save_steps=0.05,
        save_total_limit=1,
        logging_steps=100,
        bf16=_fast_bf16(),
        seed=recipe.seed,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
    )
    trainer = _WeightedTrainer(
        model=model,
        args=arguments,
        train_dataset=_Encoded(tokenizer, train, weighting, recipe.max_length),
        eval_dataset=_Encoded(tokenizer, validation, Weighting(weak_neutral=1.0), recipe.max_length),
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=_metrics,
    )
    trainer.train(resume_from_checkpoint=last if resume else None)
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    (output / "log.json").write_text(json.dumps(trainer.state.log_history, indent=1))


def _load(backbone: str) -> tuple[Any, Any]:
    labels = dict(enumerate(LABELS))
    try:
        config = AutoConfig.from_pretrained(
            backbone, num_labels=len(LABELS), id2label=labels, label2id={v: k for k, v in labels.items()}
        )
        tokenizer = AutoTokenizer.from_pretrained(backbone)
        model = AutoModelForSequenceClassification.from_pretrained(backbone, config=config, dtype=torch.float32)
    except (OSError, ValueError) as error:
        place = "directory" if os.path.isdir(backbone) else "hub id"  # noqa: PTH112 a hub id is no path
        raise ModelError(
            f"the backbone {backbone!r} cannot be loaded as a {place} ({type(error).__name__})",
            hint="give a directory with config.json, tokenizer.json and model.safetensors, or a reachable hub id",
        ) from error
    return tokenizer, model


def _fast_bf16() -> bool:
    """Whether bf16 autocast makes training faster here: on a GPU that has it, or a CPU with AVX-512 bf16."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def _metrics(prediction: EvalPrediction) -> dict[str, float]:
    logits: NDArray[np.float32] = np.asarray(prediction.predictions)
    labels = np.asarray(prediction.label_ids)
    chosen = logits.argmax(axis=1)
    return {"macro_f1": float(f1_score(labels, chosen, average="macro")), "accuracy": float((chosen == labels).mean())}
