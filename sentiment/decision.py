"""From probabilities to a label: the label whose log-probability plus offset is the largest.

Probabilities say how likely each label is. Which label to give also depends on what a mistake costs. With the most
likely label, rare labels are found less often than common ones; offsets balance that. They never change a probability.
`training.exporting.decisions` fits them.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import ArrayLike, NDArray

Offset = Annotated[float, Meta(ge=-5.0, le=5.0)]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The offsets of (negative, neutral, positive), in nats. With three zeros the most likely label is chosen."""

    offsets: tuple[Offset, Offset, Offset] = (0.0, 0.0, 0.0)

    def choose(self, probabilities: ArrayLike) -> NDArray[np.int64]:
        """(n, 3) probabilities to (n,) indices of ``LABELS``. Of equals the first is chosen."""
        # p · exp(offset) has the same order as log p + offset, and no logarithm of 0.
        weighted = np.asarray(probabilities, dtype=np.float64) * np.exp(self.offsets)
        chosen: NDArray[np.int64] = weighted.argmax(axis=1)
        return chosen


MOST_LIKELY = Decision()
