"""Which models score a segment, and when that changes.

Another model makes other errors, so the share that it sees says little about the share that its predecessor saw. When a
model begins, returns after a rollback, or takes over step by step, what is normal is learnt again and nothing alarms
meanwhile. The version of a model covers its weights, its decision rule and the thresholds of its exits.

A small constant part of the results may come from another model (a canary) without disturbing anything.
"""

from __future__ import annotations

import msgspec

from sentiment.events import ModelRef

MAX_MODELS = 8
HALF_LIFE_N = 30.0
SHIFT = 0.35
"""A change of the mix by this much, in [0, 1], is a change of models. Chance alone stays far below it (5 s.d.)."""

FORGET_N = 1_000
"""A model that comes back after so many results counts as new."""


class ModelShare(msgspec.Struct):
    """A model, its part of the latest results, and the part that it had when the baseline was last anchored."""

    model: ModelRef
    lately: float = 0.0
    anchored: float = 0.0
    absent_n: int = FORGET_N
    """Results since its last one."""


class Models(msgspec.Struct):
    """The models of a segment. A *place* is an index below `MAX_MODELS`."""

    shares: list[ModelShare] = []
    places: dict[int, int] = {}
    """By open minute, the places of the models that scored it, as bits."""

    def note(self, model: ModelRef, minute: int) -> None:
        """Note that a model scored a result of an open minute."""
        self.places[minute] = self.places.get(minute, 0) | 1 << self._place(model)

    def changed(self, minute: int, n: int) -> bool:
        """Take the models of a minute that closes with `n` results. Returns whether it is not the mix of before."""
        bits = self.places.pop(minute, 0)
        present = [share for place, share in enumerate(self.shares) if bits >> place & 1]
        if not present:
            return False
        is_first = all(share.lately == 0.0 for share in self.shares)
        is_new = any(share.absent_n >= FORGET_N for share in present)
        kept = 0.0 if is_first else 0.5 ** (n / HALF_LIFE_N)
        for share in self.shares:
            share.lately *= kept
            share.absent_n = min(share.absent_n + n, FORGET_N)
        for share in present:
            share.lately += (1.0 - kept) / len(present)
            share.absent_n = 0
        if is_new or sum(abs(share.lately - share.anchored) for share in self.shares) / 2 > SHIFT:
            for share in self.shares:
                share.anchored = share.lately
            return not is_first
        return False

    @property
    def main(self) -> ModelRef | None:
        """The model of most of the latest results; None before the first minute is closed."""
        return max(self.shares, key=lambda share: share.lately).model if self.shares else None

    def _place(self, model: ModelRef) -> int:
        for place, share in enumerate(self.shares):
            if share.model == model:
                return place
        if len(self.shares) < MAX_MODELS:
            self.shares.append(ModelShare(model))
            return len(self.shares) - 1
        place = min(range(MAX_MODELS), key=lambda place: self.shares[place].lately)
        self.shares[place] = ModelShare(model)
        return place
