"""The model of the Python API: what `sentiment.load` returns."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from sentiment.errors import InputError
from sentiment.events import Label
from sentiment.model.classifier import Classifier
from sentiment.model.loading import BackendChoice, load_model
from sentiment.scoring import Answer, score_texts
from sentiment.text import text_fault

_TEXTS_AT_ONCE = 1_000
"""Enough to sort by length, few enough to bound the memory."""


class SentimentModel:
    """Texts in, answers out: the same as `sentiment score` and the scoring worker give.

    Personal data is redacted before the model reads a text. Threads may share one model; they take turns.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"<SentimentModel {self.name} {self.version}, {self.backend}>"

    @property
    def name(self) -> str:
        """The model's name."""
        return self._classifier.model.name

    @property
    def version(self) -> str:
        """The model's version. It depends on the weights, so two models never share one."""
        return self._classifier.model.version

    @property
    def backend(self) -> str:
        """What computes, such as `openvino-int8`."""
        return self._classifier.backend

    def predict(self, texts: Iterable[str]) -> list[Answer]:
        """One answer for each text, in order.

        Raises:
            TypeError: `texts` is one text and not a list of them.
            InputError: a text is missing, blank, too long or not Unicode; it names the place, never the text.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts: predict([text])")
        given = list(texts)
        for place, text in enumerate(given):
            if fault := text_fault(text):
                raise InputError(f"texts[{place}]: {fault}")
        answers: list[Answer] = []
        with self._turn:
            for start in range(0, len(given), _TEXTS_AT_ONCE):
                answers += score_texts(self._classifier, given[start : start + _TEXTS_AT_ONCE])[0]
        return answers


def load(
    model: str | Path | None = None,
    *,
    backend: BackendChoice = "auto",
    threads: int = 0,
    label_map: Mapping[str, Label] | None = None,
) -> SentimentModel:
    """Load a model: the shipped one by default, else a directory, a registry or a hub id (`owner/name`).

    Args:
        model: where the model is.
        backend: `openvino` (CPU), `torch` (GPU, and models without an OpenVINO or ONNX graph; needs the extra `train`),
            or `auto`, which takes the first that the model has files for.
        threads: of inference; 0 means all cores.
        label_map: what the labels of a foreign model mean, such as `{"1 star": "negative", …}`.

    Raises:
        ModelError: the model is missing, damaged or not supported; the message says what is wrong.
    """
    return SentimentModel(load_model(model, backend=backend, threads=threads, label_map=label_map))
