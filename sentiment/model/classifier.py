"""What the rest of the program knows about a classifier: the protocol and its answers. `loading.py` makes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sentiment.events import Label, ModelRef


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one text.

    ``probabilities`` are (negative, neutral, positive), calibrated, and sum to 1. ``score`` is
    p(positive) − p(negative), in [−1, 1]. ``n_chunks`` windows of the text were read (1 for a short one);
    ``truncated`` says that the text was longer than the most windows cover, and its end was not read.
    ``n_tokens`` counts what was read, special tokens and overlaps included.
    """

    probabilities: tuple[float, float, float]
    label: Label
    score: float
    n_chunks: int
    truncated: bool
    n_tokens: int


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """What one ``predict`` call cost: returned, so that the core needs no metrics of its own.

    ``padded_tokens`` is what the device computed, ``real_tokens`` what was asked for: the padded share is
    1 − real / padded. ``batch_sizes`` counts windows, one entry a batch in the order of execution.
    """

    n_batches: int
    real_tokens: int
    padded_tokens: int
    tokenise_s: float
    infer_s: float
    batch_sizes: tuple[int, ...]


class Classifier(Protocol):
    """Texts in, predictions out, in the same order and as many.

    One caller at a time; the call blocks for the whole computation.
    """

    @property
    def model(self) -> ModelRef:
        """Name and version: with the source position, the identity of a result."""
        ...

    @property
    def backend(self) -> str:
        """What computes, such as ``openvino-int8`` or ``torch-cuda-bf16``."""
        ...

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        """Classify redacted texts. One that is not a ``NormalisedText`` yet is normalised first.

        No text is refused: an empty one gets the model's answer to nothing. Raises ``FatalError`` where a single
        window does not fit into memory.
        """
        ...
