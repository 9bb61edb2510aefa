"""The way from texts to predictions: text → ids → windows → batches → logits → probabilities.

There are three steps: pre (this file, the tokenizer), core (`inference.py`, a ``Backend``) and post (this file). Only
core touches a device. In a model with exits, each window of a text leaves by itself. A text's answer does not depend on
the texts in its batch, except for rounding in the backend.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sentiment.calibration import apply_temperature
from sentiment.chunking import combine_windows, split_windows
from sentiment.decision import MOST_LIKELY, Decision
from sentiment.errors import FatalError
from sentiment.events import LABELS, Label, ModelRef
from sentiment.model.classifier import BatchInfo, Prediction
from sentiment.model.exits import EarlyExits, Exit
from sentiment.model.inference import Backend, BatchLimits, Computed, Inference, Logits
from sentiment.model.tokenizer import TextTokenizer

# A text of 32,768 characters has about 8,000 tokens. Sixteen windows of 128 read about the first 1,600: more than any
# review needs, and a bound on the cost of one record.
MAX_WINDOWS = 16
# An overlap of one eighth keeps a clause whole in one of two windows, for 14 % more tokens on long texts.
_OVERLAP_DIVISOR = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """How outputs are read: output i stands for the label `targets[i]`, and `temperature` divides the logits.

    `decision` makes a label of the probabilities of a text.
    """

    targets: tuple[int, ...]
    temperature: float
    decision: Decision = MOST_LIKELY


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Windows of all texts, flat. `first[i]` is where text i starts; `first[-1]` is the number of windows.

    `known[i]`: the model knows something of text i.
    """

    windows: list[list[int]]
    first: list[int]
    truncated: list[bool]
    known: list[bool]

    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each window."""
        return np.array([len(window) for window in self.windows], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Stages:
    """`outputs` (windows, outputs) of each exit, and last of the whole network.

    Text i has the windows from `first[i]` up to `first[i + 1]`; `lengths` are their tokens.
    """

    outputs: list[NDArray[np.float32]]
    first: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[Stages]) -> Stages:
        """The parts as one, in their order; at least one."""
        outputs = [np.concatenate(of_stage) for of_stage in zip(*(part.outputs for part in parts), strict=True)]
        counts = np.concatenate([np.diff(part.first) for part in parts])
        return cls(outputs, np.concatenate([[0], np.cumsum(counts)]), np.concatenate([part.lengths for part in parts]))


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
        early: EarlyExits | None = None,
    ) -> None:
        self._model = model
        self._backend = backend
        self._tokenizer = tokenizer
        self._reading = reading
        self._limits = limits
        self._max_length = max_length
        self._capacity = max_length - len(tokenizer.prefix) - len(tokenizer.suffix)
        self._pad_id = pad_id
        self._early = early or EarlyExits()
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
        started = time.perf_counter()
        encoded = self._encode(texts)
        tokenised = time.perf_counter()
        computed = self._inference(encoded, self._early.exits).run(self._n_outputs)
        infer_s = time.perf_counter() - tokenised
        predictions = self._predictions(encoded, computed)
        if len(predictions) != len(texts):
            raise FatalError(f"{len(predictions)} predictions for {len(texts)} texts: answers would be swapped")
        layers = self._layers(computed.stages)
        return predictions, BatchInfo(
            real_tokens=sum(map(len, encoded.windows)),
            padded_tokens=computed.padded_tokens,
            tokenise_s=tokenised - started,
            infer_s=infer_s,
            windows=len(encoded.windows),
            layers=layers,
            layers_skipped=self._early.n_layers * len(encoded.windows) - layers,
        )

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Raw outputs (texts, outputs), before temperature and label mapping. A temperature is fitted to these.

        They are those of the whole network, whatever exits there are. A text with several windows gets the mean of
        their logits, weighted by tokens.
        """
        encoded = self._encode(texts)
        wide = self._inference(encoded, ()).run(self._n_outputs).logits.astype(np.float64)
        lengths = encoded.lengths()
        rows = [combine_windows(wide[start:stop], lengths[start:stop]) for start, stop in pairwise(encoded.first)]
        return np.array(rows, dtype=np.float64).reshape(len(texts), self._n_outputs)

    def stages(self, texts: Sequence[str]) -> Stages:
        """What each exit and the whole network say about every window of `texts`, before temperatures."""
        encoded = self._encode(texts)
        outputs = self._inference(encoded, self._early.exits).run_all_stages()
        return Stages(outputs, np.array(encoded.first), encoded.lengths())

    def _encode(self, texts: Sequence[str]) -> _Encoded:
        prefix, suffix = list(self._tokenizer.prefix), list(self._tokenizer.suffix)
        windows: list[list[int]] = []
        first, truncated, known = [0], [], []
        for ids in self._tokenizer.encode(texts):
            plan = split_windows(
                len(ids), capacity=self._capacity, overlap=self._capacity // _OVERLAP_DIVISOR, max_windows=MAX_WINDOWS
            )
            # Without special tokens an empty text has no tokens at all, which a model cannot compute.
            windows.extend([*prefix, *ids[start:stop], *suffix] or [self._pad_id] for start, stop in plan.spans)
            first.append(len(windows))
            truncated.append(plan.truncated)
            known.append(self._tokenizer.says_something(ids))
        return _Encoded(windows, first, truncated, known)

    @property
    def _n_outputs(self) -> int:
        return len(self._reading.targets)

    def _inference(self, encoded: _Encoded, exits: Sequence[Exit]) -> Inference:
        return Inference(self._backend, exits, self._limits, encoded.windows, self._pad_id, self._max_length)

    def _predictions(self, encoded: _Encoded, computed: Computed) -> list[Prediction]:
        probabilities = np.empty((len(encoded.windows), len(LABELS)))
        for stage, temperature in enumerate(self._temperatures):
            rows = computed.stages == stage
            probabilities[rows] = self._probabilities(computed.logits[rows], temperature)
        lengths = encoded.lengths()
        combined = np.empty((len(encoded.known), len(LABELS)))
        for text, (start, stop) in enumerate(pairwise(encoded.first)):
            combined[text] = combine_windows(probabilities[start:stop], lengths[start:stop])
        chosen = self._reading.decision.choose(combined).tolist()
        predictions = []
        texts = zip(combined.tolist(), chosen, pairwise(encoded.first), encoded.truncated, encoded.known, strict=True)
        for shares, label, (start, stop), truncated, known in texts:
            if not known:
                predictions.append(_no_opinion(stop - start, truncated))
                continue
            exit_layer = self._exit_layer(int(computed.stages[start:stop].max()))
            predictions.append(_prediction(shares, LABELS[label], stop - start, truncated, exit_layer))
        return predictions

    @property
    def _temperatures(self) -> tuple[float, ...]:
        """The temperature after each stage; the last is that of the whole network."""
        return (*(each.temperature for each in self._early.exits), self._reading.temperature)

    def _exit_layer(self, stage: int) -> int | None:
        exits = self._early.exits
        return exits[stage].layer if stage < len(exits) else None

    def _layers(self, stages: NDArray[np.int64]) -> int:
        """Layers computed for windows that left after `stages`, together."""
        depths = np.array([*(each.layer for each in self._early.exits), self._early.n_layers])
        return int(depths[stages].sum())

    def _probabilities(self, logits: Logits, temperature: float) -> NDArray[np.float64]:
        if len(logits) == 0:
            return np.empty((0, len(LABELS)))
        if not np.isfinite(logits).all():
            raise FatalError(
                f"{self._backend.name} computed a value that is not a number: the model or the device is faulty"
            )
        probabilities: NDArray[np.float64] = apply_temperature(logits, temperature) @ self._label_of_output
        return probabilities


def _no_opinion(n_chunks: int, truncated: bool) -> Prediction:
    return Prediction((1 / 3, 1 / 3, 1 / 3), "neutral", 0.0, n_chunks, truncated, no_evidence=True)


def _prediction(
    probabilities: list[float], label: Label, n_chunks: int, truncated: bool, exit_layer: int | None
) -> Prediction:
    negative, neutral, positive = probabilities
    return Prediction(
        probabilities=(negative, neutral, positive),
        label=label,
        score=positive - negative,
        n_chunks=n_chunks,
        truncated=truncated,
        exit_layer=exit_layer,
    )
