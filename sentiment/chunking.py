"""Split long texts into overlapping windows of tokens, and combine the answers of the windows.

A text gets as few windows as possible, of nearly equal length: a last window of three tokens would be judged without
context and would be mostly padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Windows:
    """Half-open token ranges of one text, in order. `truncated`: some of the text lies after the last one."""

    spans: tuple[tuple[int, int], ...]
    truncated: bool


def split_windows(n_tokens: int, *, capacity: int, overlap: int, max_windows: int) -> Windows:
    """The fewest windows of at most `capacity` tokens, at most `max_windows`, that cover a text of `n_tokens`.

    Neighbours share at least `overlap` tokens, so that a phrase is whole in one of them. Tokens beyond the last allowed
    window are dropped, and `truncated` says so. A text without tokens gets one empty window, so that it is answered
    like any other.
    """
    if not 0 <= overlap < capacity or max_windows < 1 or n_tokens < 0:
        raise ValueError("need 0 <= overlap < capacity, max_windows >= 1 and n_tokens >= 0")
    stride = capacity - overlap
    covered = min(n_tokens, capacity + (max_windows - 1) * stride)
    if covered <= capacity:
        return Windows(((0, covered),), covered < n_tokens)
    count = 1 + -(-(covered - capacity) // stride)
    size = -(-(covered + (count - 1) * overlap) // count)
    last_start = covered - size
    starts = [index * last_start // (count - 1) for index in range(count)]
    return Windows(tuple((start, start + size) for start in starts), covered < n_tokens)


def combine_windows(probabilities: NDArray[np.float64], n_tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of the windows' probabilities (windows, classes), weighted by their token counts (windows,): (classes,).

    Sums to 1. A single window is returned unchanged, bit for bit.
    """
    if len(probabilities) != len(n_tokens) or len(n_tokens) == 0:
        raise ValueError(f"{len(probabilities)} windows of probabilities for {len(n_tokens)} token counts")
    if len(n_tokens) == 1:
        only: NDArray[np.float64] = probabilities[0]
        return only
    weights = np.maximum(n_tokens, 1).astype(np.float64)
    combined: NDArray[np.float64] = weights @ probabilities / weights.sum()
    return combined
