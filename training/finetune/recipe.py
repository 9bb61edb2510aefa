"""The hyperparameters of a fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Selection = Literal["macro_f1", "source_macro_f1"]
Precision = Literal["auto", "bf16", "no"]
Schedule = Literal["linear", "cosine"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyperparameters of one fine-tuning. `max_length` is in tokens, special ones included.

    A run is evaluated `evaluations` times at equal distances. The weights that are kept are the best by `select_on`:
    macro-F1 over all rows, or its mean over the data sets. `patience` evaluations without improvement end the run; 0
    never does. `lora_rank` 0 trains every weight, and `keep_layers` 0 keeps every layer. `precision` "auto" takes bf16
    if the hardware is fast at it. `augment` made-up or changed examples are added to the training data, and
    `emoji_tokens` adds emoji to the vocabulary. `max_steps` −1 leaves the length to `epochs`.

    The mean of the weights after the share `average_from` of all steps competes with the best weights; 1 is off.
    Each layer learns `layer_decay` times as fast as the one above it. With `freeze_layers` > 0 the embeddings and that
    many of the lowest layers stay as they are. The learning rate rises over the share `warmup_ratio` of all steps, and
    then falls to 0 as `schedule` says.

    An optimiser step takes `gradient_accumulation` batches of `batch_size` rows, in each process.
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
    average_from: float = 1.0
    layer_decay: float = 1.0
    freeze_layers: int = 0
    schedule: Schedule = "linear"
    gradient_accumulation: int = 1

    def effective_batch(self, n_processes: int) -> int:
        """How many rows one optimiser step takes, over all processes."""
        return self.batch_size * self.gradient_accumulation * n_processes
