"""How far annotators agree beyond chance: 1 is perfect, 0 is what chance gives, below 0 is worse than chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Agreement of two annotators on the same items (Cohen 1960); None where chance alone would agree always."""
    if len(first) != len(second) or not first:
        raise ValueError("two annotators of the same items are needed")
    names = sorted({*first, *second})
    table = np.zeros((len(names), len(names)))
    for one, other in zip(first, second, strict=True):
        table[names.index(one), names.index(other)] += 1
    table /= table.sum()
    by_chance = float(table.sum(axis=1) @ table.sum(axis=0))
    return None if by_chance >= 1.0 else float((np.trace(table) - by_chance) / (1.0 - by_chance))


def fleiss_kappa(votes: ArrayLike) -> float | None:
    """Agreement of as many annotators on each of (items, labels) vote counts (Fleiss 1971); None like `cohen_kappa`."""
    counts = np.asarray(votes, dtype=np.float64)
    raters = counts.sum(axis=1)
    if counts.ndim != 2 or len(counts) == 0 or raters.min() != raters.max() or raters[0] < 2:
        raise ValueError("every item needs the same number of votes, at least two")
    n = raters[0]
    within = ((counts**2).sum(axis=1) - n) / (n * (n - 1))
    by_chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return None if by_chance >= 1.0 else float((within.mean() - by_chance) / (1.0 - by_chance))
