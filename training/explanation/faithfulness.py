"""Does the network do what the explanation says? Erase the words that it names, and keep only those.

DeYoung et al. 2020 (ERASER): comprehensiveness is how far the score falls if the most important words are left out;
sufficiency is how far it falls if only they are kept. Both are averaged over 1, 5, 10, 20 and 50 % of the words (at
least one). A good explanation has high comprehensiveness and low sufficiency, and beats random words in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.explanation.attribution import ScoreOfIds
from training.explanation.network import EncodedText

SHARES = (0.01, 0.05, 0.10, 0.20, 0.50)
_RANDOM_ORDERS = 5
_FEWEST_WORDS = 2


class Faithfulness(msgspec.Struct, frozen=True, kw_only=True):
    """In units of the score, in the direction in which the text moved it. The random figures are means of 5 orders."""

    comprehensiveness: float
    sufficiency: float
    random_comprehensiveness: float
    random_sufficiency: float


def faithfulness(
    network: ScoreOfIds, encoded: EncodedText, by_word: NDArray[np.float64], *, direction: int, seed: int
) -> Faithfulness | None:
    """Erase words in the order of `by_word` (words,): first those that moved the score most in `direction` (1 up, −1
    down).

    Returns None for fewer than two words: nothing could be kept or left out.
    """
    n_words = len(encoded.words)
    if n_words < _FEWEST_WORDS:
        return None
    draw = np.random.default_rng(seed)
    orders = [
        np.argsort(-direction * by_word, kind="stable"),
        *(draw.permutation(n_words) for _ in range(_RANDOM_ORDERS)),
    ]
    counts = [math.ceil(share * n_words) for share in SHARES]
    sequences = [_ids(encoded, chosen) for order in orders for count in counts for chosen in _split(order, count)]
    full, *scores = network.scores([encoded.without(frozenset()), *sequences])
    falls = direction * (float(full) - np.array(scores)).reshape(len(orders), len(counts), 2).mean(axis=1)
    return Faithfulness(
        comprehensiveness=float(falls[0, 0]),
        sufficiency=float(falls[0, 1]),
        random_comprehensiveness=float(falls[1:, 0].mean()),
        random_sufficiency=float(falls[1:, 1].mean()),
    )


def _split(order: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The words to leave out: the first `count` of `order`, and all others."""
    return order[:count], order[count:]


def _ids(encoded: EncodedText, left_out: Sequence[int] | NDArray[np.int64]) -> tuple[int, ...]:
    return encoded.without(frozenset(token for place in left_out for token in encoded.words[place].tokens))
