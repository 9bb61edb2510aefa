"""Stops a worker that parks nearly everything: then the fault is likely not the records'."""

from __future__ import annotations

from collections import Counter, deque

from sentiment.errors import PoisonReason, TooManyPoisonRecords


class Breaker:
    """Counts poison among the last `window` records, and opens when its share exceeds `ratio`.

    It cannot open before it has seen a whole window: a few bad records on a quiet topic are parked, not a reason to
    stop.
    """

    def __init__(self, window: int, ratio: float) -> None:
        self._ratio = ratio
        self._recent: deque[PoisonReason | None] = deque(maxlen=window)
        self._reasons: Counter[PoisonReason] = Counter()

    def note(self, reason: PoisonReason | None) -> None:
        """One more record: poison for `reason`, or (None) a good one.

        Raises:
            TooManyPoisonRecords: the share of poison in a full window is above the ratio.
        """
        if len(self._recent) == self._recent.maxlen and (oldest := self._recent[0]) is not None:
            self._reasons[oldest] -= 1
        self._recent.append(reason)
        if reason is not None:
            self._reasons[reason] += 1
        n_poison = self._reasons.total()
        if len(self._recent) == self._recent.maxlen and n_poison > self._ratio * len(self._recent):
            commonest = self._reasons.most_common(1)[0][0]
            raise TooManyPoisonRecords(
                f"{n_poison} of the last {len(self._recent)} records cannot be processed (mostly: {commonest.value})",
                hint="does the producer write what `sentiment schema feedback` describes? Nothing of this batch was "
                "committed; to go on all the same raise worker.breaker_ratio",
            )

    def reset(self) -> None:
        """Forget the past: the same records are about to be read again."""
        self._recent.clear()
        self._reasons.clear()
