"""The way from texts to predictions: text → ids → windows → batches → logits → probabilities.

There are three steps: pre (this file, the tokenizer, the plans), core (a ``Backend``) and post (this file). Only core
touches a device. A text's answer does not depend on the texts in its batch, except for rounding in the backend.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sentiment.batching import Batch, plan_batches, restore_order
from sentiment.calibration import apply_temperature
from sentiment.chunking import combine_windows, split_windows
from sentiment.decision import MOST_LIKELY, Decision
from sentiment.errors import FatalError
from sentiment.events import LABELS, ModelRef
from sentiment.model.classifier import BatchInfo, Prediction
from sentiment.model.tokenizer import TextTokenizer

Ids = NDArray[np.int64]
Logits = NDArray[np.float32]

# A text of 32,768 characters has about 8,000 tokens. Sixteen windows of 128 read about the first 1,600: more than any
# review needs, and a bound on the cost of one record.
MAX_WINDOWS = 16
# An overlap of one eighth keeps a clause whole in one of two windows, for 14 % more tokens on long texts.
_OVERLAP_DIVISOR = 8


class Backend(Protocol):
    """The core step. It knows tensors and a device, but neither texts nor labels."""

    @property
    def name(self) -> str:
        """Runtime, device if it matters, and arithmetic: ``openvino-int8``."""
        ...

    @property
    def batch_overhead_tokens(self) -> int:
        """The cost of starting one more batch, as the number of tokens that take the same time."""
        ...

    def logits(self, input_ids: Ids, attention_mask: Ids) -> Logits:
        """(n, width) ids and mask to (n, outputs) logits. Raises ``MemoryError`` if the batch does not fit."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How outputs are read: output i stands for the label `targets[i]`, and `temperature` divides the logits.

    `decision` makes a label of the probabilities of a text.
    """

    targets: tuple[int, ...]
    temperature: float
    decision: Decision = MOST_LIKELY


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The budget of one batch. Higher limits cost memory and latency, and give more throughput up to a point."""

    max_batch_tokens: int
    max_batch_items: int


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Windows of all texts, flat. `first[i]` is where text i starts; `first[-1]` is the number of windows."""

    windows: list[list[int]]
    first: list[int]
    truncated: list[bool]


class TextClassifier:
    """A ``Classifier`` with any backend."""

    def __init__(
        self,
        *,
        model: ModelRef,
        backend: Backend,
        tokenizer: TextTokenizer,
        reading: Reading,
        limits: BatchLimits,
        max_length: int,
        pad_id: int,
    ) -> None:
        self._model = model
        self._backend = backend
        self._tokenizer = tokenizer
        self._reading = reading
        self._limits = limits
        self._capacity = max_length - len(tokenizer.prefix) - len(tokenizer.suffix)
        self._pad_id = pad_id
        self._label_of_output = np.eye(len(LABELS))[list(reading.targets)]

    @property
    def model(self) -> ModelRef:
        """Name and version of the weights."""
        return self._model

    @property
    def backend(self) -> str:
        """Runtime and arithmetic."""
        return self._backend.name

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        """See ``Classifier.predict``."""
        encoded, logits, info = self._run(texts)
        probabilities = self._probabilities(logits)
        lengths = np.array([len(window) for window in encoded.windows], dtype=np.int64)
        predictions = []
        for (start, stop), truncated in zip(pairwise(encoded.first), encoded.truncated, strict=True):
            combined = combine_windows(probabilities[start:stop], lengths[start:stop])
            predictions.append(_prediction(combined, self._reading.decision, stop - start, truncated))
        if len(predictions) != len(texts):
            raise FatalError(f"{len(predictions)} predictions for {len(texts)} texts: answers would be swapped")
        return predictions, info

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Raw outputs (texts, outputs), before temperature and label mapping. A temperature is fitted to these.

        A text with several windows gets the mean of their logits, weighted by tokens.
        """
        encoded, logits, _ = self._run(texts)
        wide = logits.astype(np.float64)
        lengths = np.array([len(window) for window in encoded.windows], dtype=np.int64)
        rows = [combine_windows(wide[start:stop], lengths[start:stop]) for start, stop in pairwise(encoded.first)]
        return np.array(rows, dtype=np.float64).reshape(len(texts), len(self._reading.targets))

    def _run(self, texts: Sequence[str]) -> tuple[_Encoded, Logits, BatchInfo]:
        started = time.perf_counter()
        encoded = self._encode(texts)
        tokenised = time.perf_counter()
        lengths = [len(window) for window in encoded.windows]
        pending = plan_batches(
            lengths,
            max_batch_tokens=self._limits.max_batch_tokens,
            max_batch_items=self._limits.max_batch_items,
            batch_overhead_tokens=self._backend.batch_overhead_tokens,
        )
        # The longest come first, so that a batch that does not fit into memory fails at once and not after minutes.
        done: list[tuple[Batch, Logits]] = []
        while pending:
            batch = pending.pop()
            try:
                done.append((batch, self._compute(batch, encoded.windows)))
            except MemoryError as error:
                if len(batch.indices) == 1:
                    raise FatalError(
                        f"out of memory for one window of {batch.width} tokens with {self._backend.name}",
                        hint="give the process more memory, or use a smaller model",
                    ) from error
                pending.extend(batch.halves(lengths))
        batches, outputs = [batch for batch, _ in done], [output for _, output in done]
        logits = restore_order(batches, outputs, len(lengths), len(self._reading.targets))
        info = BatchInfo(
            real_tokens=sum(lengths),
            padded_tokens=sum(batch.padded_tokens for batch in batches),
            tokenise_s=tokenised - started,
            infer_s=time.perf_counter() - tokenised,
        )
        return encoded, logits, info

    def _encode(self, texts: Sequence[str]) -> _Encoded:
        prefix, suffix = list(self._tokenizer.prefix), list(self._tokenizer.suffix)
        windows: list[list[int]] = []
        first, truncated = [0], []
        for ids in self._tokenizer.encode(texts):
            plan = split_windows(
                len(ids), capacity=self._capacity, overlap=self._capacity // _OVERLAP_DIVISOR, max_windows=MAX_WINDOWS
            )
            # Without special tokens an empty text has no tokens at all, which a model cannot compute.
            windows.extend([*prefix, *ids[start:stop], *suffix] or [self._pad_id] for start, stop in plan.spans)
            first.append(len(windows))
            truncated.append(plan.truncated)
        return _Encoded(windows, first, truncated)

    def _compute(self, batch: Batch, windows: Sequence[Sequence[int]]) -> Logits:
        chosen = [windows[index] for index in batch.indices]
        mask = np.arange(batch.width) < np.array([len(window) for window in chosen])[:, None]
        input_ids = np.full(mask.shape, self._pad_id, dtype=np.int64)
        input_ids[mask] = np.concatenate(chosen)
        return self._backend.logits(input_ids, mask.astype(np.int64))

    def _probabilities(self, logits: Logits) -> NDArray[np.float64]:
        if len(logits) == 0:
            return np.empty((0, len(LABELS)))
        if not np.isfinite(logits).all():
            raise FatalError(
                f"{self._backend.name} computed a value that is not a number: the model or the device is faulty"
            )
        probabilities: NDArray[np.float64] = (
            apply_temperature(logits, self._reading.temperature) @ self._label_of_output
        )
        return probabilities


def _prediction(probabilities: NDArray[np.float64], decision: Decision, n_chunks: int, truncated: bool) -> Prediction:
    negative, neutral, positive = probabilities.tolist()
    return Prediction(
        probabilities=(negative, neutral, positive),
        label=LABELS[int(decision.choose(probabilities[None])[0])],
        score=positive - negative,
        n_chunks=n_chunks,
        truncated=truncated,
    )
