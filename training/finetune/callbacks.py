"""Callbacks of a training: keep the best weights, stop early, show progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from sentiment.progress import Progress, Silent, clock
from training.finetune.curve import best_of, evaluations_of

_FORWARD_IN_TRAINING = 3
_MEASURED_FORMS = 2


class KeepBest(TrainerCallback):  # type: ignore[misc]
    """Save the trained weights after every evaluation that beats all before, and stop after `patience` without one.

    It has no state of its own. Earlier scores come from the trainer's state, which a checkpoint restores, so that a
    resumed run decides like an uninterrupted one. `patience` 0 never stops. The last step is always evaluated.
    """

    def __init__(self, path: Path, metric: str, patience: int, progress: Progress | None = None) -> None:
        self._progress = progress or Silent()
        self._path = path
        self._metric = f"eval_{metric}"
        self._patience = patience

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Evaluate after the last step, even if the interval does not divide the steps."""
        if state.global_step >= state.max_steps:
            control.should_evaluate = True
        return control

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, *, model: Any, **_: Any
    ) -> TrainerControl:
        """Save the weights if they are the best, or stop if patience is used up."""
        scores = self.scores(state)
        best = max(range(len(scores)), key=lambda index: scores[index])
        if best == len(scores) - 1 and not state.is_world_process_zero:
            return control
        if best == len(scores) - 1:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            save_file(_trained(model), self._path)
        elif self._patience and len(scores) - 1 - best >= self._patience:
            control.should_training_stop = True
            if state.global_step < state.max_steps:
                self._progress.say(
                    f"stopped early at step {state.global_step:,} of {state.max_steps:,}: "
                    f"{self._patience} evaluation{'s' * (self._patience > 1)} without a better one"
                )
        return control

    def scores(self, state: TrainerState) -> list[float]:
        """The metric of every evaluation so far, in order."""
        return [entry[self._metric] for entry in state.log_history if self._metric in entry]

    def restore(self, model: torch.nn.Module) -> None:
        """Put the best weights back into `model`."""
        if self._path.is_file():
            model.load_state_dict(load_file(self._path), strict=False)


class ShowProgress(TrainerCallback):  # type: ignore[misc]
    """Show progress in rows, and a line for every evaluation: its figures, and whether it is the best so far.

    A row of an evaluation counts as a third of a trained one, and so do those of the measurements that follow the
    training: there is no way back through the network, which takes twice the way forward.
    """

    def __init__(
        self,
        progress: Progress,
        metrics: tuple[str, ...],
        best_by: str,
        *,
        n_validation: int,
        evaluations: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._metrics = metrics
        self._best_by = best_by
        self._evaluation = n_validation // _FORWARD_IN_TRAINING
        self._evaluations = evaluations
        self._predicted = 0
        self._monotonic = monotonic
        self._began_s = monotonic()

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Begin the phase, at the step where a resumed run continues."""
        total = state.max_steps * _rows_a_step(args) + self._evaluations * self._evaluation
        self._progress.begin("training", total, self._done(args, state), after=_MEASURED_FORMS * self._evaluation)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Count a batch."""
        self._progress.at(self._done(args, state))

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Count a batch of an evaluation."""
        self._predicted += args.eval_batch_size * args.world_size // _FORWARD_IN_TRAINING
        self._progress.at(self._done(args, state) + min(self._predicted, self._evaluation))

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: Any = None, **_: Any
    ) -> None:
        """Show the metrics on the validation set."""
        self._predicted = 0
        shown = [f"{name} {metrics[f'eval_{name}']:.4f}" for name in self._metrics]
        trained: dict[str, float] = next((entry for entry in reversed(state.log_history) if "loss" in entry), {})
        if trained:
            shown += [f"training loss {trained['loss']:.4f}", f"learning rate {trained['learning_rate']:.2g}"]
        shown.append(f"{clock(self._monotonic() - self._began_s)} elapsed")
        evaluations = evaluations_of(state.log_history)
        best = best_of(evaluations, self._best_by)
        shown.append(
            "the best so far" if best == len(evaluations) - 1 else f"the best is step {evaluations[best]['step']:,}"
        )
        self._progress.say(f"step {state.global_step:,} of {state.max_steps:,}: {', '.join(shown)}")

    def _done(self, args: TrainingArguments, state: TrainerState) -> int:
        evaluated = min(len(evaluations_of(state.log_history)), self._evaluations)
        return int(state.global_step) * _rows_a_step(args) + evaluated * self._evaluation


def _rows_a_step(args: TrainingArguments) -> int:
    return int(args.train_batch_size * args.gradient_accumulation_steps * args.world_size)


def _trained(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in model.named_parameters()
        if value.requires_grad
    }
