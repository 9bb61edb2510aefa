"""One explanation: a text, its score, the words that moved it, and how faithful that is."""

from __future__ import annotations

from typing import Literal

import msgspec

from sentiment.errors import InputError
from sentiment.events import LABELS, ModelRef
from training.explanation.attribution import MAX_STEPS, TOLERANCE, Attributions, integrated_gradients, occlusion
from training.explanation.faithfulness import Faithfulness, faithfulness
from training.explanation.network import EncodedText, ExplainedNetwork

Method = Literal["integrated-gradients", "occlusion"]


class ExplainedWord(msgspec.Struct, frozen=True, kw_only=True):
    """A word, its characters ``[start, end)`` in the text, and by how much it moved the score."""

    word: str
    start: int
    end: int
    attribution: float


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the attributions add up to the difference between the scores of the text and the baseline.

    `error` is relative. `complete` means at most 5 %. Occlusion is complete only if words do not interact.
    """

    baseline_score: float
    difference: float
    sum: float
    error: float
    complete: bool
    steps: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of `sentiment explain`. `text` is redacted and normalised.

    `score` is p(positive) − p(negative) of the fp32 network. Attributions are in the same unit; positive ones moved the
    score up.
    """

    model: ModelRef
    method: Method
    text: str
    label: str
    probabilities: dict[str, float]
    score: float
    words: list[ExplainedWord]
    completeness: Completeness
    faithfulness: Faithfulness | None
    n_tokens: int
    truncated: bool


def explain(
    network: ExplainedNetwork, text: str, *, method: Method, seed: int, max_steps: int = MAX_STEPS
) -> Explanation:
    """Explain the score of `text`. `seed` draws the random words that the explanation is compared with.

    Raises ``InputError`` if the text has no words.
    """
    encoded = network.encode(text)
    if not encoded.words:
        raise InputError("the text has no words to explain")
    if method == "occlusion":
        found = occlusion(network, encoded)
    else:
        found = integrated_gradients(network, encoded, max_steps=max_steps)
    probabilities = network.probabilities([encoded.without(frozenset())])[0]
    return Explanation(
        model=network.model,
        method=method,
        text=encoded.text,
        label=LABELS[int(network.decision.choose(probabilities[None])[0])],
        probabilities=dict(zip(LABELS, probabilities.tolist(), strict=True)),
        score=float(probabilities[2] - probabilities[0]),
        words=_words(encoded, found),
        completeness=_completeness(found),
        faithfulness=faithfulness(
            network, encoded, found.by_word, direction=1 if found.difference >= 0 else -1, seed=seed
        ),
        n_tokens=len(encoded.without(frozenset())),
        truncated=encoded.truncated,
    )


def _words(encoded: EncodedText, found: Attributions) -> list[ExplainedWord]:
    return [
        ExplainedWord(word=word.text, start=word.start, end=word.end, attribution=attribution)
        for word, attribution in zip(encoded.words, found.by_word.tolist(), strict=True)
    ]


def _completeness(found: Attributions) -> Completeness:
    return Completeness(
        baseline_score=found.baseline_score,
        difference=found.difference,
        sum=float(found.by_word.sum()),
        error=found.error,
        complete=found.error <= TOLERANCE,
        steps=found.steps,
    )
