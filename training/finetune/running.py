"""How a training is computed: where, by how many processes, how often it is saved. Nothing here changes what is learnt.

torchrun starts several processes, which it numbers in the environment. Each reads all rows and computes
its share of every batch. The first one alone writes files and speaks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from sentiment.errors import ConfigurationError

Device = Literal["auto", "cpu", "cuda"]
_SECONDS_A_MINUTE = 60.0
_LET_GO_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """`device` auto takes a GPU if there is one. The state is saved every `save_every_min` minutes; 0 is every step.

    `gradient_checkpointing` computes activations twice instead of keeping them: less memory, more time.
    """

    device: Device = "auto"
    save_every_min: float = 5.0
    gradient_checkpointing: bool = False

    @property
    def on_gpu(self) -> bool:
        """Whether the training runs on a GPU."""
        return self.device != "cpu" and torch.cuda.is_available()

    @property
    def device_name(self) -> str:
        """The name of the GPU, or cpu."""
        return str(torch.cuda.get_device_name()) if self.on_gpu else "cpu"

    def require(self) -> None:
        """Raise ``ConfigurationError`` if the device is not there."""
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ConfigurationError("--device cuda: there is no GPU that torch can use", hint="use auto or cpu")


def n_processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_process() -> bool:
    """Whether this process writes files and speaks."""
    return int(os.environ.get("RANK", "0")) == 0


def leave_group() -> None:
    """End the connection to the other processes, if there is one: what comes after needs none.

    Whoever removes a group of gloo holds Python's lock while waiting for its threads, and they need the lock to let go
    of the tensors that they gathered last. So they get it first, or all would wait for each other.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        time.sleep(_LET_GO_WITHIN_S)
        torch.distributed.destroy_process_group()


class SaveByTime(TrainerCallback):  # type: ignore[misc]
    """Save the state after the first step that ends `every_min` minutes after the last save.

    A large model takes as long to save as many steps, so steps are no measure. The first process decides for all.
    """

    def __init__(self, every_min: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_min * _SECONDS_A_MINUTE
        self._monotonic = monotonic
        self._saved_s = monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Ask for a save if it is time."""
        now_s = self._monotonic()
        if _first_says(now_s - self._saved_s >= self._every_s):
            self._saved_s = now_s
            control.should_save = True
        return control


def _first_says(due: bool) -> bool:
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return due
    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    word = torch.tensor([due], dtype=torch.uint8, device=device)
    torch.distributed.broadcast(word, src=0)
    return bool(word.item())
