"""What can be compared: a model directory, a hub id, the shipped model, or a word list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigurationError
from sentiment.events import LABELS
from sentiment.model.classifier import Classifier
from sentiment.model.loading import BackendChoice, is_shipped, load_model, locate
from training.evaluation.predicting import Answers

LEXICON = "lexicon"
# VADER's authors' own limits on the compound score: https://github.com/cjhutto/vaderSentiment#about-the-scoring
_VADER_NEUTRAL_BELOW = 0.05


@dataclass(frozen=True, slots=True)
class ContenderSpec:
    """One row of the table: its `name`, and where the model is (None: the shipped one)."""

    name: str
    path: str | None
    backend: BackendChoice = "auto"
    is_lexicon: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """Answers, one-hot for a word list. `n_tokens` is how many were read, None for a word list."""

    answers: Answers
    n_tokens: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a contender before it answers. `n_parameters` is None if the files do not give it."""

    version: str
    backend: str
    n_parameters: int | None
    has_probabilities: bool


class Contender(Protocol):
    """Scores redacted texts, in their order."""

    @property
    def facts(self) -> Facts:
        """See ``Facts``."""
        ...

    def answer(self, texts: Sequence[str]) -> Read:
        """Score all texts, batched as in serving."""
        ...


def parse_spec(text: str) -> ContenderSpec:
    """`[NAME=]DIR|ID|shipped[@openvino|@torch]`. Raises ``ConfigurationError``."""
    name, separator, place = text.partition("=")
    place = place if separator else text
    path, at, backend = place.rpartition("@")
    if not at or backend not in get_args(BackendChoice):
        path, backend = place, "auto"
    name = name if separator else Path(path).name
    if not name or not path:
        raise ConfigurationError(f"--model takes NAME=DIR, not {text!r}", hint="for example --model small=models/small")
    return ContenderSpec(name=name, path=None if is_shipped(path) else path, backend=backend)  # type: ignore[arg-type]


def open_contender(spec: ContenderSpec, *, threads: int, label_map: Mapping[str, str] | None) -> Contender:
    """Load the contender. Raises ``ModelError``, and ``ImportError`` if the word list is not installed."""
    if spec.is_lexicon:
        return _Vader()
    classifier = load_model(spec.path, backend=spec.backend, threads=threads, label_map=label_map)
    directory = locate(spec.path, label_map)
    counts = [_n_parameters(file) for file in directory.safetensors]
    return _Served(classifier, sum(counts) or None)


class _Served:
    """A classifier, used as the worker uses it."""

    def __init__(self, classifier: Classifier, n_parameters: int | None) -> None:
        self._classifier = classifier
        self.facts = Facts(
            version=classifier.model.version,
            backend=classifier.backend,
            n_parameters=n_parameters,
            has_probabilities=True,
        )

    def answer(self, texts: Sequence[str]) -> Read:
        predictions, info = self._classifier.predict(texts)
        return Read(Answers.of(predictions), info.real_tokens)


class _Vader:
    """VADER (Hutto & Gilbert 2014): a word list with rules, without training. Its score is not a probability."""

    def __init__(self) -> None:
        from importlib.metadata import version

        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        self._analyser = SentimentIntensityAnalyzer()
        self.facts = Facts(
            version=f"vader {version('vaderSentiment')}",
            backend="word list",
            n_parameters=None,
            has_probabilities=False,
        )

    def answer(self, texts: Sequence[str]) -> Read:
        scores = np.array([self._analyser.polarity_scores(text)["compound"] for text in texts], dtype=np.float64)
        return Read(Answers.most_likely(np.eye(len(LABELS))[classes_of_scores(scores)]), None)


def classes_of_scores(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Compound scores in [−1, 1] to indices of ``LABELS``, with the authors' limits of ±0.05."""
    positive, negative = scores >= _VADER_NEUTRAL_BELOW, scores <= -_VADER_NEUTRAL_BELOW
    return np.where(positive, 2, np.where(negative, 0, 1)).astype(np.int64)


def _n_parameters(safetensors: Path) -> int:
    """The number of floating-point parameters in a file, from its header (eight bytes of length, then JSON)."""
    with safetensors.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    return sum(int(np.prod(tensor["shape"])) for tensor in tensors if tensor["dtype"].startswith(("F", "BF")))
