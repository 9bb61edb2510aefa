"""From a text to its answer: redact → normalise → detect the language → predict.

The scoring worker, `sentiment score`, `sentiment rescore` and the Python API all call `score_texts`, so they agree.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sentiment.errors import FatalError
from sentiment.events import Label, ModelRef, Probabilities
from sentiment.language import UNKNOWN, Language, detect_language
from sentiment.model.classifier import BatchInfo, Classifier, Prediction
from sentiment.privacy import Redacted, redact_all
from sentiment.text import NormalisedText


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result for one text.

    Attributes:
        label: the most probable of negative, neutral and positive.
        score: p(positive) − p(negative), in [−1, 1].
        probabilities: calibrated; they sum to 1.
        text: the text with personal data replaced by placeholders.
        language: an ISO 639 code; None if there are no letters to judge by, or if languages were not asked for.
        unsupported_language: the text is certainly in a language that the model was not trained on.
        n_chunks: windows of tokens that were read; 1 for a short text.
        truncated: the end of the text was not read because it is too long.
        no_evidence: the model knows nothing of the text (flags, unknown signs, only links): neutral, but no opinion.
        redactions: how many values of each kind of personal data were replaced.
        model: the model that answered.
        exit_layer: the layer after which the text left a model with early exits; None if all layers were computed.
    """

    label: Label
    score: float
    probabilities: Probabilities
    text: str
    language: str | None
    unsupported_language: bool
    n_chunks: int
    truncated: bool
    no_evidence: bool
    redactions: dict[str, int]
    model: ModelRef
    exit_layer: int | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """How long the stages of one call took, in seconds; `language_s` includes the normalisation."""

    redact_s: float
    language_s: float
    inference: BatchInfo


def score_texts(classifier: Classifier, texts: Sequence[str], *, languages: bool = True) -> tuple[list[Answer], Costs]:
    """One answer for each text, in order, and what it cost. Blocks for the whole computation.

    `languages=False` saves the language detection; labels and scores are the same.

    Raises:
        FatalError: the model gave fewer or more answers than it got texts, or one window does not fit into memory.
    """
    started = time.perf_counter()
    redacted = redact_all(texts)
    redacted_at = time.perf_counter()
    normalised = [NormalisedText.of(each.text) for each in redacted]
    detected = [detect_language(text) if languages else UNKNOWN for text in normalised]
    detected_at = time.perf_counter()
    predictions, inference = classifier.predict(normalised)
    if len(predictions) != len(texts):
        raise FatalError(f"the model gave {len(predictions)} answers to {len(texts)} texts")
    answers = [
        _answer(safe, language, prediction, classifier.model)
        for safe, language, prediction in zip(redacted, detected, predictions, strict=True)
    ]
    return answers, Costs(redacted_at - started, detected_at - redacted_at, inference)


def _answer(safe: Redacted, language: Language, prediction: Prediction, model: ModelRef) -> Answer:
    negative, neutral, positive = prediction.probabilities
    return Answer(
        label=prediction.label,
        score=prediction.score,
        probabilities=Probabilities(negative=negative, neutral=neutral, positive=positive),
        text=safe.text,
        language=language.code,
        unsupported_language=language.unsupported,
        n_chunks=prediction.n_chunks,
        truncated=prediction.truncated,
        no_evidence=prediction.no_evidence,
        redactions=safe.counts,
        model=model,
        exit_layer=prediction.exit_layer,
    )
