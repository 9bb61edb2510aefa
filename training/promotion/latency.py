"""How long one text takes. Both models are measured side by side, so that load on the machine slows both.

Each text counts with its best round, the one that other work on the machine disturbed least.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sentiment.model.classifier import Classifier
from training.promotion.records import Check, GateLimits

N_TEXTS = 60
ROUNDS = 5
_WARM_UP_TEXTS = 8


def latency_checks(
    candidate: Classifier,
    current: Classifier | None,
    texts: Sequence[str],
    limits: GateLimits,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Check]:
    """The median time of single texts: within its limit, and not much longer than the current version's."""
    contenders = [candidate] if current is None else [candidate, current]
    medians = [float(np.median(best_s)) * 1_000 for best_s in time_interleaved(contenders, texts, clock)]
    yield Check(
        name="latency p50",
        measured=f"{medians[0]:.1f} ms",
        limit=f"≤ {limits.max_latency_ms:g} ms",
        passed=medians[0] <= limits.max_latency_ms,
        figures={"p50_ms": medians[0]},
    )
    if current is None:
        return
    ratio = medians[0] / medians[1]
    yield Check(
        name="latency against current",
        measured=f"× {ratio:.2f}",
        limit=f"≤ × {limits.max_latency_ratio:g}",
        passed=ratio <= limits.max_latency_ratio,
        figures={"ratio": ratio, "current_p50_ms": medians[1]},
    )


def time_interleaved(
    contenders: Sequence[Classifier], texts: Sequence[str], clock: Callable[[], float]
) -> NDArray[np.float64]:
    """(contenders, texts) seconds of each of the first ``N_TEXTS`` texts alone. The models take turns."""
    chosen = texts[:N_TEXTS]
    for contender in contenders:
        for text in chosen[:_WARM_UP_TEXTS]:
            contender.predict([text])
    best_s = np.full((len(contenders), len(chosen)), np.inf)
    order = list(range(len(contenders)))
    for _ in range(ROUNDS):
        for place, text in enumerate(chosen):
            for index in order:
                started_s = clock()
                contenders[index].predict([text])
                best_s[index, place] = min(best_s[index, place], clock() - started_s)
            order.reverse()
    return best_s
