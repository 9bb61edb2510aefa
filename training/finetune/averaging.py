"""The mean of the weights over the last part of a training, which is often better than any single step of it.

Stochastic weight averaging (Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization"):
it costs no forward pass. A BERT has no batch statistics, so nothing has to be computed again afterwards.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

_FILE = "average.safetensors"


class AverageWeights(TrainerCallback):  # type: ignore[misc]
    """The running mean, in fp32, of the trained weights after every `every` steps, once the share `begin` is done.

    It is saved with each checkpoint in `folder` and read from `checkpoint`, so that a resumed run averages the same
    states as an uninterrupted one.
    """

    def __init__(self, begin: float, folder: Path, *, every: int = 10, checkpoint: Path | None = None) -> None:
        self._begin = begin
        self._every = every
        self._folder = folder
        self._mean: dict[str, torch.Tensor] = {}
        self.count = 0
        if checkpoint is not None and (checkpoint / _FILE).is_file():
            self._load(checkpoint / _FILE)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, *, model: Any, **_: Any
    ) -> None:
        """Add the weights of this step to the mean. The last step always counts."""
        last = state.global_step >= state.max_steps
        if state.global_step >= self._begin * state.max_steps and (last or state.global_step % self._every == 0):
            self.count += 1
            with torch.no_grad():
                for name, weight in model.named_parameters():
                    if weight.requires_grad:
                        self._add(name, weight.detach().float())

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Save the mean beside the checkpoint of the same step."""
        if self.count and state.is_world_process_zero:
            target = self._folder / f"checkpoint-{state.global_step}" / _FILE
            contents = {name: weight.cpu().contiguous() for name, weight in self._mean.items()}
            save_file(contents, target, metadata={"count": json.dumps(self.count)})

    def apply(self, model: torch.nn.Module) -> None:
        """Put the mean into `model`."""
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name in self._mean:
                    weight.copy_(self._mean[name])

    def _add(self, name: str, weight: torch.Tensor) -> None:
        if name in self._mean:
            mean = self._mean[name].to(weight.device)
            self._mean[name] = mean.add_((weight - mean) / self.count)
        else:
            self._mean[name] = weight.clone()

    def _load(self, file: Path) -> None:
        with safe_open(file, framework="pt") as saved:
            self.count = int(json.loads(saved.metadata()["count"]))
            self._mean = {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118 not a dict
