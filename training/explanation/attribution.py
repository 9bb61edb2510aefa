"""Two ways to find out which words moved the score: gradients and erasure.

* Integrated gradients (Sundararajan et al. 2017): the gradient of the score with respect to the word embeddings,
  integrated along the straight line from a baseline without words to the text. The attributions add up to the
  difference of the two scores (completeness), as exactly as the line is sampled.
* Occlusion (Zeiler and Fergus 2014): how much lower the score is if a word is left out. It is exact, but it misses
  words that can replace each other, and its attributions add up to the difference only if words do not interact.
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
# Smaller differences are rounding and noise, and an error relative to them would mean nothing.
_SMALLEST_DIFFERENCE = 0.05
TOLERANCE = 0.05
_STEPS_AT_ONCE = 16


class ScoreOfIds(Protocol):
    """What occlusion needs of a network."""

    def scores(self, sequences: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """(n,) scores of token ids."""
        ...


@dataclass(frozen=True, slots=True)
class Attributions:
    """`by_word` (words,) in units of the score. Their sum should be `difference`: score of the text − baseline score.

    `steps` is how many points of the line were sampled; 0 for occlusion, which has no line.
    """

    by_word: NDArray[np.float64]
    baseline_score: float
    difference: float
    steps: int

    @property
    def error(self) -> float:
        """|sum − difference| relative to the difference, or to 0.05 if that is larger."""
        return abs(float(self.by_word.sum()) - self.difference) / max(abs(self.difference), _SMALLEST_DIFFERENCE)


def integrated_gradients(
    network: ExplainedNetwork, encoded: EncodedText, *, max_steps: int = MAX_STEPS
) -> Attributions:
    """Attributions by integrated gradients.

    A Gauss–Legendre quadrature with 32 steps, which are doubled while the sum is off by more than 5 % and `max_steps`
    allows it. The cost is at most that of 2 · `max_steps` forward and backward passes.
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
    """Attributions by leaving out one word at a time. The baseline is the text without any word."""
    everything = frozenset(range(len(encoded.ids)))
    left_out = [encoded.without(frozenset(word.tokens)) for word in encoded.words]
    full, empty, *others = network.scores([encoded.without(frozenset()), encoded.without(everything), *left_out])
    by_word = float(full) - np.array(others, dtype=np.float64)
    return Attributions(by_word=by_word, baseline_score=float(empty), difference=float(full - empty), steps=0)


def _by_word(by_position: NDArray[np.float64], encoded: EncodedText) -> NDArray[np.float64]:
    """(words,) sums over the tokens of each word. Special tokens have none: they are the same in text and baseline."""
    by_token = by_position[len(encoded.prefix) : len(encoded.prefix) + len(encoded.ids)]
    return np.array([by_token[list(word.tokens)].sum() for word in encoded.words], dtype=np.float64)
