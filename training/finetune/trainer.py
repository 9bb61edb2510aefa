"""Fine-tuning with transformers' Trainer: a weighted loss, the best weights by macro-F1, resumable.

The result is a plain transformers checkpoint; `training.finetune.train` makes a servable model of it.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import EvalPrediction, PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils import logging as transformers_logging

from sentiment.errors import InputError
from sentiment.progress import Progress, Silent
from sentiment.statistics import macro_f1
from training.data.examples import Example, Weighting
from training.finetune.averaging import AverageWeights
from training.finetune.backbones import load_backbone, with_adapters
from training.finetune.callbacks import KeepBest, ShowProgress
from training.finetune.curve import run_record
from training.finetune.emoji import add_emoji
from training.finetune.encoded import EncodedTexts, Padding, SoftTargets, text_tokenizer
from training.finetune.layers import freeze_layers, parameter_groups
from training.finetune.loss import MixedLoss
from training.finetune.recipe import Recipe
from training.finetune.running import Running, SaveByTime, is_first_process, leave_group, n_processes
from training.finetune.tracking import LogCurves, TrackedRun
from training.finetune.work import RECORD_FILE, STEPS_FOLDER

_SHOWN_METRICS = ("macro_f1", "source_macro_f1", "loss")
# One label moves the macro-F1 of a smaller data set by points. If all are small, all count.
_LEAST_ROWS_OF_A_DATA_SET = 30
# Padding a batch takes as long as a step on a GPU.
_LOADERS_FOR_A_GPU = 2
_EVALUATED_AT_ONCE_BY_A_GPU = 512
_FIRST_WITH_TF32 = (8, 0)


@dataclass(frozen=True, slots=True)
class FineTuning:
    """What to fine-tune on what. `backbone` is a hub id or a local directory; `output` gets the checkpoint.

    With `soft` the student also learns a teacher's probabilities, on unlabelled texts too.
    """

    backbone: str
    train: Sequence[Example]
    validation: Sequence[Example]
    output: Path
    recipe: Recipe
    weighting: Weighting
    soft: SoftTargets | None = None
    track: TrackedRun | None = None
    running: Running = field(default_factory=Running)


class _WeightedTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose loss is `objective` in training and plain cross-entropy in evaluation.

    With `layer_decay` < 1 lower layers learn more slowly.
    """

    objective = MixedLoss()
    layer_decay = 1.0
    optimizer: Any

    def create_optimizer(self, model: Any = None) -> Any:
        if self.optimizer is None and self.layer_decay < 1.0:
            trained = model or self.model
            chosen, options = self.get_optimizer_cls_and_kwargs(self.args, trained)
            groups = parameter_groups(
                trained,
                learning_rate=self.args.learning_rate,
                layer_decay=self.layer_decay,
                weight_decay=self.args.weight_decay,
                decayed=frozenset(self.get_decay_parameter_names(trained)),
            )
            self.optimizer = chosen(groups, **options)
        return super().create_optimizer(model)

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


Student = tuple[Any, Any]
"""A tokenizer, and the network with what the recipe adds to the backbone."""


def fine_tune(
    run: FineTuning, *, resume: bool = False, progress: Progress | None = None, student: Student | None = None
) -> None:
    """Fine-tune the backbone and save a transformers checkpoint to `run.output`.

    Intermediate states are kept in `output`/steps. With `resume` an interrupted run continues from the newest.
    `student` is the backbone if it is loaded already.

    Raises:
        ModelError: the backbone cannot be loaded.
        InputError: nothing to resume.
    """
    recipe, steps = run.recipe, run.output / STEPS_FOLDER
    checkpoint = get_last_checkpoint(steps) if resume and steps.is_dir() else None
    if resume and checkpoint is None:
        raise InputError(f"there is nothing to resume in {run.output}", hint="run without --resume")
    tokenizer, network = student or load_student(run.backbone, recipe)
    shown = progress or Silent()
    best = KeepBest(steps / "best.safetensors", recipe.select_on, recipe.patience, shown)
    average = AverageWeights(recipe.average_from, steps, checkpoint=Path(checkpoint) if checkpoint else None)
    # The progress first: whoever stops the run says so after the figures that made it.
    display = ShowProgress(
        shown, _SHOWN_METRICS, recipe.select_on, n_validation=len(run.validation), evaluations=recipe.evaluations
    )
    callbacks: list[TrainerCallback] = [display, best, SaveByTime(run.running.save_every_min)]
    if recipe.average_from < 1.0:
        callbacks.append(average)
    if run.track is not None and is_first_process():
        callbacks.append(LogCurves(run.track))
    trainer = _make_trainer(run, tokenizer, network, callbacks)
    began_s = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # libraries warn about each other
        trainer.train(resume_from_checkpoint=checkpoint)
        if average.count:
            average.apply(network)
            trainer.evaluate()  # kept if it is the best
    leave_group()
    if not is_first_process():
        return
    best.restore(network)
    trained = network.merge_and_unload() if recipe.lora_rank else network
    trained.save_pretrained(run.output)
    tokenizer.save_pretrained(run.output)
    state = trainer.state
    (run.output / "log.json").write_text(json.dumps(state.log_history, indent=1))
    record = run_record(state.log_history, metric=recipe.select_on, steps=state.global_step, planned=state.max_steps)
    record["device"] = run.running.device_name
    record["processes"] = n_processes()
    record["effective_batch"] = recipe.effective_batch(n_processes())
    record["seconds"] = round(time.monotonic() - began_s, 1)
    record["resumed_at_step"] = int(checkpoint.rpartition("-")[2]) if checkpoint else None
    (run.output / RECORD_FILE).write_text(json.dumps(record, indent=1))


def load_student(backbone: str, recipe: Recipe) -> Student:
    """Load the backbone, and add what the recipe adds to it.

    Raises:
        ModelError: the backbone cannot be loaded.
        InputError: it has fewer layers than the recipe keeps.
    """
    _quiet()
    torch.manual_seed(recipe.seed)  # draws the head, if the backbone has none
    model: PreTrainedModel
    tokenizer, model = load_backbone(backbone, keep_layers=recipe.keep_layers)
    if recipe.emoji_tokens:
        tokenizer = add_emoji(tokenizer, model)
    if recipe.lora_rank:
        model = with_adapters(model, rank=recipe.lora_rank, alpha=recipe.lora_alpha, seed=recipe.seed)
    if recipe.freeze_layers:
        freeze_layers(model, recipe.freeze_layers)
    return tokenizer, model


def _make_trainer(
    run: FineTuning, tokenizer: Any, network: torch.nn.Module, callbacks: Sequence[TrainerCallback]
) -> Trainer:
    recipe, soft = run.recipe, run.soft
    texts, pad_id = text_tokenizer(tokenizer), int(tokenizer.pad_token_id)
    unweighted = Weighting(weak_neutral=1.0)
    trainer = _WeightedTrainer(
        model=network,
        args=_arguments(recipe, run.running, run.output / STEPS_FOLDER),
        train_dataset=EncodedTexts(texts, run.train, run.weighting, recipe.max_length, empty_id=pad_id, soft=soft),
        eval_dataset=EncodedTexts(texts, run.validation, unweighted, recipe.max_length, empty_id=pad_id),
        processing_class=tokenizer,
        data_collator=Padding(pad_id),
        compute_metrics=_metrics,
        callbacks=list(callbacks),
    )
    trainer.objective = MixedLoss(
        label_smoothing=recipe.label_smoothing,
        temperature=soft.temperature if soft is not None else 1.0,
        hard_share=soft.hard_share if soft is not None else 1.0,
    )
    trainer.layer_decay = recipe.layer_decay
    trainer.model_accepts_loss_kwargs = False  # our loss is a mean: its sum over accumulated batches has to be divided
    trainer.remove_callback(PrinterCallback)  # standard output is for results
    return trainer


def _arguments(recipe: Recipe, running: Running, steps: Path) -> TrainingArguments:
    cuda = running.on_gpu
    bf16 = _fast_bf16(cuda) if recipe.precision == "auto" else recipe.precision == "bf16"
    return TrainingArguments(
        output_dir=str(steps),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup_ratio,
        weight_decay=recipe.weight_decay,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=_EVALUATED_AT_ONCE_BY_A_GPU if cuda else 128,
        train_sampling_strategy="group_by_length",
        eval_strategy="steps",
        eval_steps=1.0 / recipe.evaluations if recipe.evaluations > 1 else 0.9999,
        save_strategy="no",  # by time: see SaveByTime
        save_total_limit=1,
        logging_steps=0.01,
        bf16=bf16,
        tf32=True if cuda and torch.cuda.get_device_capability() >= _FIRST_WITH_TF32 else None,
        use_cpu=not cuda,  # the library refuses bf16 on a CPU unless it is asked for one
        ddp_backend="gloo" if n_processes() > 1 and not cuda else None,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        gradient_checkpointing=running.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if running.gradient_checkpointing else None,
        seed=recipe.seed,
        dataloader_pin_memory=cuda,
        dataloader_num_workers=_LOADERS_FOR_A_GPU if cuda else 0,
        dataloader_persistent_workers=cuda,  # a new process for every evaluation would copy the data again
        remove_unused_columns=False,
        label_names=["labels", "source"],
        report_to="none",
        disable_tqdm=True,
    )


def _quiet() -> None:
    """Silence the library: its remarks on missing heads and shards would bury our own messages."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def _fast_bf16(cuda: bool) -> bool:
    """Whether bf16 autocast makes training faster here: on a GPU that supports it, or a CPU with AVX-512 bf16."""
    if cuda:
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def _metrics(prediction: EvalPrediction) -> dict[str, float]:
    logits: NDArray[np.float32] = np.asarray(prediction.predictions)
    labels, sources = (np.asarray(part) for part in prediction.label_ids)
    chosen = logits.argmax(axis=1)
    counts = np.bincount(sources)
    large = [source for source in np.flatnonzero(counts) if counts[source] >= _LEAST_ROWS_OF_A_DATA_SET]
    of_source = [
        macro_f1(labels[sources == source], chosen[sources == source]) for source in large or np.flatnonzero(counts)
    ]
    return {
        "macro_f1": macro_f1(labels, chosen),
        "source_macro_f1": float(np.mean(of_source)),
        "accuracy": float((chosen == labels).mean()),
    }
