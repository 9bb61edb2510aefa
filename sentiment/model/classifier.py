"""The protocol of a classifier, and its predictions. `loading.py` makes a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sentiment.events import Label, ModelRef


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one text.

    ``probabilities`` are (negative, neutral, positive), calibrated, and sum to 1. ``label`` is
    the most likely one, unless the model has a decision rule (`sentiment.decision`). ``score`` is
    p(positive) − p(negative), in [−1, 1]. ``n_chunks`` windows of the text were read, 1 for a short text.
    ``truncated`` says that the text is longer than the windows allowed, and that its end was not read. ``exit_layer``
    is the layer after which the text left a network with early exits, of several windows the last of them; None if
    it went through the whole network. With
    ``no_evidence`` the model knows nothing of the text: the label is neutral, and all labels are equally likely.
    """

    probabilities: tuple[float, float, float]
    label: Label
    score: float
    n_chunks: int
    truncated: bool
    exit_layer: int | None = None
    no_evidence: bool = False


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """What one ``predict`` call cost. It is returned, so that the core needs no metrics of its own.

    ``padded_tokens`` is what the device computed, ``real_tokens`` what it was asked for. In a network with exits, all
    ``windows`` together went through ``layers`` layers and were spared ``layers_skipped``; both are 0 in any other.
    """

    real_tokens: int
    padded_tokens: int
    tokenise_s: float
    infer_s: float
    windows: int = 0
    layers: int = 0
    layers_skipped: int = 0


class Classifier(Protocol):
    """Gives one prediction for each text, in the same order.

    One caller at a time. A call blocks for the whole computation.
    """

    @property
    def model(self) -> ModelRef:
        """Name and version. With the source position they are the identity of a result."""
        ...

    @property
    def backend(self) -> str:
        """Runtime and arithmetic, such as ``openvino-int8`` or ``torch-cuda-bf16``."""
        ...

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        """Classify redacted texts. One that is not a ``NormalisedText`` yet is normalised first.

        No text is refused: of an empty one nothing is known. Raises ``FatalError`` if a single
        window does not fit into memory.
        """
        ...
