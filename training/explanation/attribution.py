"""Two answers to "which words moved the score": the gradient's and the eraser's.

* Integrated gradients (Sundararajan et al. 2017): the gradient of the score at the word embeddings, summed along the
  straight line from a baseline without words to the text. Its attributions add up to the difference of the two scores
  (completeness), as exactly as the line is sampled.
* Occlusion (Zeiler and Fergus 2014): how much lower the score is when a word is left out. Exact for what it says, blind
  to words that stand in for each other, and its attributions add up to the difference only where words do not interact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray

from training.explanation.network import EncodedText, ExplainedNetwork

FIRST_STEPS = 32
MAX_STEPS = 256
# Smaller differences are rounding and noise, and an error relative to them says nothing.
_SMALLEST_DIFFERENCE = 0.05
TOLERANCE = 0.05
_STEPS_AT_ONCE = 16


class ScoreOfIds(Protocol):
    """What occlusion needs to know of a network."""

    def scores(self, sequences: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """(n,) scores of token ids."""
        ...


@dataclass(frozen=True, slots=True)
class Attributions:
    """`by_word` (words,) in units of the score; their sum is to be `difference`, that of the scores of the text and of
    the baseline. `steps` samples of the line were taken; 0 where there is no line.
    """

    by_word: NDArray[np.float64]
    baseline_score: float
    difference: float
    steps: int

    @property
    def error(self) -> float:
        """|sum − difference|, relative to the difference, which counts 0.05 at least."""
        return abs(float(self.by_word.sum()) - self.difference) / max(abs(self.difference), _SMALLEST_DIFFERENCE)


def integrated_gradients(
    network: ExplainedNetwork, encoded: EncodedText, *, max_steps: int = MAX_STEPS
) -> Attributions:
    """Attributions by integrated gradients.

    32 steps of a Gauss–Legendre quadrature first, then twice as many again while the sum is off by more than 5 % and
    `max_steps` allows it: the cost is at most that of 2 · `max_steps` passes there and back.
    """
    text, blank = network.embeddings(encoded)

    def score(embeddings: torch.Tensor) -> torch.Tensor:
        return network.score_of_embeddings(encoded, embeddings)

    with torch.no_grad():
        baseline_score, text_score = score(torch.cat([blank, text])).tolist()
    steps = min(FIRST_STEPS, max_steps)
    while True:
        by_token = IntegratedGradients(score).attribute(
            text, baselines=blank, n_steps=steps, internal_batch_size=_STEPS_AT_ONCE
        )
        found = Attributions(
            by_word=_by_word(by_token.sum(dim=-1)[0].detach().numpy().astype(np.float64), encoded),
            baseline_score=baseline_score,
            difference=text_score - baseline_score,
            steps=steps,
        )
        if found.error <= TOLERANCE or steps >= max_steps:
            return found
        steps = min(2 * steps, max_steps)


def occlusion(network: ScoreOfIds, encoded: EncodedText) -> Attributions:
    """Attributions by leaving out one word at a time; the baseline is the text without any word."""
    everything = frozenset(range(len(encoded.ids)))
    left_out = [encoded.without(frozenset(word.tokens)) for word in encoded.words]
    full, empty, *others = network.scores([encoded.without(frozenset()), encoded.without(everything), *left_out])
    by_word = float(full) - np.array(others, dtype=np.float64)
    return Attributions(by_word=by_word, baseline_score=float(empty), difference=float(full - empty), steps=0)


def _by_word(by_position: NDArray[np.float64], encoded: EncodedText) -> NDArray[np.float64]:
    """(words,) sums over the tokens of each word; special tokens are equal in text and baseline, and get nothing."""
    by_token = by_position[len(encoded.prefix) : len(encoded.prefix) + len(encoded.ids)]
    return np.array([by_token[list(word.tokens)].sum() for word in encoded.words], dtype=np.float64)
