"""Stops a worker that parks nearly every record: then the fault is probably not in the records."""

from __future__ import annotations

from collections import Counter, deque

from sentiment.errors import PoisonReason, TooManyPoisonRecords


class Breaker:
    """Counts poison records among the last `window`, and opens when their share exceeds `ratio`.

    It cannot open before it has seen a full window: a few bad records on a quiet topic are no reason to stop.
    """

    def __init__(self, window: int, ratio: float) -> None:
        self._ratio = ratio
        self._recent: deque[PoisonReason | None] = deque(maxlen=window)
        self._reasons: Counter[PoisonReason] = Counter()

    def note(self, reason: PoisonReason | None) -> None:
        """Count one record. `reason` says why it is poison; None means that it is good.

        Raises:
            TooManyPoisonRecords: the share of poison records in a full window is above the ratio.
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
                hint="check that the producer writes what `sentiment schema feedback` describes. Nothing of this batch "
                "was committed; to continue anyway, raise worker.breaker_ratio",
            )

    def reset(self) -> None:
        """Start again, because the same records are about to be read again."""
        self._recent.clear()
        self._reasons.clear()
