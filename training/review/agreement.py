"""Agreement of annotators beyond chance: 1 is perfect, 0 is chance, below 0 is worse than chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Agreement of two annotators on the same items (Cohen 1960). None if chance alone would always agree."""
    if len(first) != len(second) or not first:
        raise ValueError("two annotators must label the same items, at least one")
    names = sorted({*first, *second})
    table = np.zeros((len(names), len(names)))
    for one, other in zip(first, second, strict=True):
        table[names.index(one), names.index(other)] += 1
    table /= table.sum()
    by_chance = float(table.sum(axis=1) @ table.sum(axis=0))
    return None if by_chance >= 1.0 else float((np.trace(table) - by_chance) / (1.0 - by_chance))


def fleiss_kappa(votes: ArrayLike) -> float | None:
    """Agreement from (items, labels) vote counts, the same number of votes for each item (Fleiss 1971).

    None if chance alone would always agree.
    """
    counts = np.asarray(votes, dtype=np.float64)
    raters = counts.sum(axis=1)
    if counts.ndim != 2 or len(counts) == 0 or raters.min() != raters.max() or raters[0] < 2:
        raise ValueError("every item needs the same number of votes, at least two")
    n = raters[0]
    within = ((counts**2).sum(axis=1) - n) / (n * (n - 1))
    by_chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return None if by_chance >= 1.0 else float((within.mean() - by_chance) / (1.0 - by_chance))
