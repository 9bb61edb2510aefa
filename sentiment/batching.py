"""Plan which items are computed together, under a budget of padded tokens.

A batch costs its longest item times its count, because shorter items are padded, plus the overhead of starting it.
Sorting by length keeps that product close to the sum of the real lengths. The plan depends on the lengths only, and it
remembers the permutation, so every item gets its own answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Items computed together: their positions in the input, and the width in tokens to which each is padded."""

    indices: tuple[int, ...]
    width: int

    @property
    def padded_tokens(self) -> int:
        """Tokens that the device computes, padding included."""
        return self.width * len(self.indices)

    def halves(self, lengths: Sequence[int]) -> tuple[Batch, Batch]:
        """Split the batch in two, for a device that ran out of memory. Raises ``ValueError`` for a batch of one."""
        if len(self.indices) < 2:
            raise ValueError("a batch of one cannot be split")
        middle = len(self.indices) // 2
        first, second = self.indices[:middle], self.indices[middle:]
        return _batch(first, lengths), _batch(second, lengths)


def plan_batches(
    lengths: Sequence[int],
    *,
    max_batch_tokens: int,
    max_batch_items: int,
    batch_overhead_tokens: int = 0,
    powers_of_two: bool = False,
) -> list[Batch]:
    """Put every item in exactly one batch, shortest first; items of equal length keep their order.

    A batch holds at most `max_batch_items` items and at most `max_batch_tokens` padded tokens, with one exception: an
    item longer than the whole budget is a batch of its own, because nothing may be left out. Of all ways to cut the
    sorted items within these limits, the cheapest is taken. A batch costs its padded tokens plus
    `batch_overhead_tokens`, so that short texts are not all padded to the length of a single long one. With
    `powers_of_two`, a batch holds 1, 2, 4, … items, so that few shapes occur. Deterministic; O(n) memory,
    O(n × max_batch_items) time in numpy.
    """
    if max_batch_tokens < 1 or max_batch_items < 1:
        raise ValueError("max_batch_tokens and max_batch_items must be at least 1")
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    counts = 1 << np.arange(max_batch_items.bit_length()) if powers_of_two else np.arange(1, max_batch_items + 1)
    least = np.zeros(len(order) + 1, dtype=np.int64)  # least[i]: cost of the cheapest plan for the first i items
    cut = np.zeros(len(order) + 1, dtype=np.int64)  # cut[i]: where the last batch of that plan starts
    for stop, index in enumerate(order, start=1):
        width = lengths[index]
        most = max(1, min(stop, max_batch_tokens // max(width, 1)))
        starts = stop - counts[: np.searchsorted(counts, most, side="right")][::-1]
        costs = least[starts] + width * (stop - starts)
        best = int(costs.argmin())
        least[stop], cut[stop] = costs[best] + batch_overhead_tokens, starts[best]
    batches: list[Batch] = []
    stop = len(order)
    while stop > 0:
        start = int(cut[stop])
        batches.append(_batch(order[start:stop], lengths))
        stop = start
    return batches[::-1]


def restore_order(
    batches: Iterable[Batch], outputs: Iterable[NDArray[np.float32]], n_items: int, n_columns: int
) -> NDArray[np.float32]:
    """Put the outputs (count, columns) of the batches back into the order of the input: (n_items, columns).

    Raises ``ValueError`` unless every item has exactly one answer: a silent off-by-one would swap customers' results.
    """
    restored = np.empty((n_items, n_columns), dtype=np.float32)
    answers = np.zeros(n_items, dtype=np.int64)
    for batch, output in zip(batches, outputs, strict=True):
        if output.shape != (len(batch.indices), n_columns):
            raise ValueError(f"expected {(len(batch.indices), n_columns)} outputs from a batch, got {output.shape}")
        positions = list(batch.indices)
        restored[positions] = output
        np.add.at(answers, positions, 1)
    if not (answers == 1).all():
        raise ValueError(f"{int((answers != 1).sum())} of {n_items} items have no answer, or more than one")
    return restored


def _batch(indices: Sequence[int], lengths: Sequence[int]) -> Batch:
    return Batch(tuple(indices), max(lengths[index] for index in indices))
