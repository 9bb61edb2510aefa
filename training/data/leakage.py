"""Training texts that are also held out, word for word or nearly. Figures on such rows would be too good.

Two texts are nearly the same if their sets of words and pairs of neighbouring words have a Jaccard similarity of at
least a threshold. The search is exact and fast: two sets that similar share one of their few rarest members, so only
texts that do are compared (prefix filtering: Chaudhuri, Ganti and Kaushik 2006, "A Primitive Operator for Similarity
Joins in Data Cleaning"). A hundred thousand texts take seconds.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from training.data.examples import Example, canonical

# At 0.7, one word in ten may differ.
NEAR_THRESHOLD = 0.7
# One word in four is another opinion, not a copy ("great app, thanks" / "bad app, thanks").
_FEWEST_WORDS = 5
_WORD = re.compile(r"\w+")
# Normalisation turns every handle and every link into one of these.
_PLACEHOLDERS = frozenset({"user", "http", "rt"})


@dataclass(frozen=True, slots=True)
class Leakage:
    """Training rows, counted from 0, whose text is held out too.

    `exact`: the same text, apart from letter case and outer punctuation. `near`: nearly the same text.
    """

    exact: tuple[int, ...]
    near: tuple[int, ...]

    def rows(self, *, near: bool) -> set[int]:
        """The training rows to leave out."""
        return {*self.exact, *(self.near if near else ())}


def find_leakage(
    train: Sequence[Example],
    held_out: Sequence[Example],
    *,
    threshold: float = NEAR_THRESHOLD,
    progress: Callable[[int], None] | None = None,
) -> Leakage:
    """Every row of `train` whose text is also in `held_out`. `progress` gets the number of rows checked so far."""
    same = {canonical(example.text) for example in held_out}
    index = _NearIndex([example.text for example in held_out], threshold)
    exact, near = [], []
    for row, example in enumerate(train):
        if canonical(example.text) in same:
            exact.append(row)
        elif index.has_near(example.text):
            near.append(row)
        if progress is not None and row % 1_000 == 0:
            progress(row)
    return Leakage(tuple(exact), tuple(near))


class _NearIndex:
    """Says whether a collection has a text that is similar enough to a given one."""

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        self._threshold = threshold
        self._sets = [_shingles(text) for text in texts]
        self._count = Counter(shingle for shingles in self._sets for shingle in shingles)
        self._rows_of: dict[str, list[int]] = defaultdict(list)
        for row, shingles in enumerate(self._sets):
            for shingle in self._rarest(shingles):
                self._rows_of[shingle].append(row)

    def has_near(self, text: str) -> bool:
        """Whether a text has at least the threshold's similarity to `text`."""
        shingles = _shingles(text)
        rows = {row for shingle in self._rarest(shingles) for row in self._rows_of.get(shingle, ())}
        return any(_jaccard(shingles, self._sets[row]) >= self._threshold for row in rows)

    def _rarest(self, shingles: frozenset[str]) -> list[str]:
        """The rarest shingles, so many that two similar sets share at least one of them."""
        size = len(shingles) - math.ceil(self._threshold * len(shingles) - 1e-9) + 1
        unknown = sum(shingle not in self._count for shingle in shingles)
        if not shingles or unknown >= size:
            return []
        known = sorted((self._count[shingle], shingle) for shingle in shingles if shingle in self._count)
        return [shingle for _, shingle in known[: size - unknown]]


def _shingles(text: str) -> frozenset[str]:
    words = [word for word in _WORD.findall(text.casefold()) if word not in _PLACEHOLDERS]
    return frozenset(_with_pairs(words)) if len(words) >= _FEWEST_WORDS else frozenset()


def _with_pairs(words: Sequence[str]) -> Iterator[str]:
    yield from words
    yield from (f"{left} {right}" for left, right in pairwise(words))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
