"""Fine-tuning with transformers' Trainer: a weighted loss, the best weights by macro-F1, resumable.

What comes out is a plain transformers checkpoint; `training.finetune.train` makes a servable model of it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import EvalPrediction, PrinterCallback, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils import logging as transformers_logging

from sentiment.errors import InputError
from sentiment.progress import Progress, Silent
from sentiment.statistics import macro_f1
from training.data.examples import Example, Weighting
from training.finetune.backbones import load_backbone, with_adapters
from training.finetune.callbacks import KeepBest, ShowProgress
from training.finetune.emoji import add_emoji
from training.finetune.encoded import EncodedTexts, Padding, SoftTargets, text_tokenizer
from training.finetune.loss import MixedLoss
from training.finetune.tracking import Tracker

Selection = Literal["macro_f1", "source_macro_f1"]
Precision = Literal["auto", "bf16", "no"]
_SHOWN_METRICS = ("macro_f1", "source_macro_f1", "loss")
# Smaller sources move by points from one label to the next; where all are small, all count.
_LEAST_ROWS_OF_A_SOURCE = 30
_SAVES_A_RUN = 20


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyperparameters of one fine-tuning. `max_length` in tokens, special ones included.

    The weights that are kept are the best by `select_on` among `evaluations` a run, evenly spaced: macro-F1 over all
    rows, or its mean over the sources. `patience` evaluations without a better one end the run; 0 never. `lora_rank`
    0 trains every weight, and `keep_layers` 0 keeps every layer. `precision` "auto" takes bf16 where that is fast.
    `augment` made-up or changed examples join the training data, and `emoji_tokens` extends the vocabulary by emoji.
    """

    epochs: float = 1.0
    learning_rate: float = 6e-5
    batch_size: int = 32
    max_length: int = 96
    warmup_ratio: float = 0.06
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    seed: int = 13
    max_steps: int = -1
    evaluations: int = 4
    patience: int = 0
    select_on: Selection = "macro_f1"
    precision: Precision = "auto"
    keep_layers: int = 0
    lora_rank: int = 0
    lora_alpha: int = 16
    augment: int = 0
    emoji_tokens: bool = False


class _WeightedTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose loss is a ``MixedLoss`` in training and plain cross-entropy in evaluation."""

    objective = MixedLoss()

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        weight, labels = inputs.pop("weight"), inputs.pop("labels")
        teacher = inputs.pop("teacher", None)
        inputs.pop("source")
        outputs = model(**inputs)
        objective = self.objective if model.training else MixedLoss()
        loss = objective(outputs.logits, labels, weight, teacher)
        return (loss, {"logits": outputs.logits}) if return_outputs else loss


def fine_tune(
    backbone: str,
    train: Sequence[Example],
    validation: Sequence[Example],
    output: Path,
    *,
    recipe: Recipe,
    weighting: Weighting,
    resume: bool = False,
    soft: SoftTargets | None = None,
    tracker: Tracker | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Fine-tune `backbone` (a hub id or a local directory) and save a transformers checkpoint to `output`.

    With `soft` the student also learns a teacher's probabilities, of unlabelled texts too. Intermediate state lies in
    `output`/steps until the end; with `resume` an interrupted run goes on from the newest. Returns the metrics of the
    weights that were kept.

    Raises:
        ModelError: the backbone cannot be loaded.
        InputError: nothing to resume.
    """
    steps = output / "steps"
    last = get_last_checkpoint(steps) if steps.is_dir() else None
    if resume and last is None:
        raise InputError(f"there is nothing to resume in {output}", hint="run without --resume")
    _quiet()
    torch.manual_seed(recipe.seed)  # a head that the backbone lacks is drawn from it
    tokenizer, model = load_backbone(backbone, keep_layers=recipe.keep_layers)
    if recipe.emoji_tokens:
        tokenizer = add_emoji(tokenizer, model)
    network = (
        with_adapters(model, rank=recipe.lora_rank, alpha=recipe.lora_alpha, seed=recipe.seed)
        if recipe.lora_rank
        else model
    )
    texts = text_tokenizer(tokenizer)
    pad_id = int(tokenizer.pad_token_id)
    plain = Weighting(weak_neutral=1.0)
    held_out = EncodedTexts(texts, validation, plain, recipe.max_length, empty_id=pad_id)
    trainer = _WeightedTrainer(
        model=network,
        args=_arguments(recipe, steps),
        train_dataset=EncodedTexts(texts, train, weighting, recipe.max_length, empty_id=pad_id, soft=soft),
        eval_dataset=held_out,
        processing_class=tokenizer,
        data_collator=Padding(pad_id),
        compute_metrics=_metrics,
    )
    trainer.objective = MixedLoss(
        label_smoothing=recipe.label_smoothing,
        temperature=soft.temperature if soft is not None else 1.0,
        hard_share=soft.hard_share if soft is not None else 1.0,
    )
    best = KeepBest(steps / "best.safetensors", recipe.select_on, recipe.patience)
    trainer.remove_callback(PrinterCallback)  # standard output is for results
    trainer.add_callback(best)
    trainer.add_callback(ShowProgress(progress or Silent(), _SHOWN_METRICS))
    if tracker is not None:
        trainer.add_callback(tracker.callback())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of libraries, about each other
        trainer.train(resume_from_checkpoint=last if resume else None)
    best.restore(network)
    if recipe.lora_rank:
        model = network.merge_and_unload()
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    (output / "log.json").write_text(json.dumps(trainer.state.log_history, indent=1))
    scores = best.scores(trainer.state)
    return {f"selected_by_{recipe.select_on}": max(scores)} if scores else {}


def _arguments(recipe: Recipe, steps: Path) -> TrainingArguments:
    bf16 = _fast_bf16() if recipe.precision == "auto" else recipe.precision == "bf16"
    return TrainingArguments(
        output_dir=str(steps),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_ratio,
        weight_decay=recipe.weight_decay,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=128,
        train_sampling_strategy="group_by_length",
        eval_strategy="steps",
        eval_steps=1.0 / recipe.evaluations if recipe.evaluations > 1 else 0.9999,
        save_strategy="steps",
        save_steps=1.0 / _SAVES_A_RUN,
        save_total_limit=1,
        logging_steps=0.01,
        bf16=bf16,
        use_cpu=bf16 and not torch.cuda.is_available(),  # the library refuses bf16 on a CPU that nobody asked for
        seed=recipe.seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        label_names=["labels", "source"],
        report_to="none",
        disable_tqdm=True,
    )


def _quiet() -> None:
    """What the library says about missing heads and shards would bury what the user is to read."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def _fast_bf16() -> bool:
    """Whether bf16 autocast makes training faster here: on a GPU that has it, or a CPU with AVX-512 bf16."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def _metrics(prediction: EvalPrediction) -> dict[str, float]:
    logits: NDArray[np.float32] = np.asarray(prediction.predictions)
    labels, sources = (np.asarray(part) for part in prediction.label_ids)
    chosen = logits.argmax(axis=1)
    counts = np.bincount(sources)
    large = [source for source in np.flatnonzero(counts) if counts[source] >= _LEAST_ROWS_OF_A_SOURCE]
    of_source = [
        macro_f1(labels[sources == source], chosen[sources == source]) for source in large or np.flatnonzero(counts)
    ]
    return {
        "macro_f1": macro_f1(labels, chosen),
        "source_macro_f1": float(np.mean(of_source)),
        "accuracy": float((chosen == labels).mean()),
    }
