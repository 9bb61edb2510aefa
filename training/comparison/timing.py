"""Timing side by side: every round times every contender, so that load on the machine slows all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import stats

from sentiment.statistics import Estimate
from training.comparison.process import Timed
from training.comparison.records import ModelSpeed

_WARM_UP_TEXTS = 16


class Timeable(Protocol):
    """The part of a ``ContenderProcess`` that timing needs."""

    def time_batch(self, texts: Sequence[str]) -> Timed: ...

    def time_singles(self, texts: Sequence[str]) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class Times:
    """The times of one contender: a pass over all texts for each round, and the seconds of every single text."""

    n_texts: int
    passes: tuple[Timed, ...]
    singles_s: tuple[float, ...]


def time_in_rounds(
    contenders: Sequence[Timeable],
    texts: Sequence[str],
    *,
    n_singles: int,
    rounds: int,
    after_round: Callable[[int], None] = lambda _: None,
) -> list[Times]:
    """Times of each contender on all `texts` together, and on the first `n_singles` of them one by one.

    There is a warm-up first. Each round starts with another contender, so that none always comes last. `after_round`
    gets the number of finished rounds.
    """
    for contender in contenders:
        contender.time_singles(texts[:_WARM_UP_TEXTS])
        contender.time_batch(texts)
    passes: list[list[Timed]] = [[] for _ in contenders]
    singles_s: list[list[float]] = [[] for _ in contenders]
    for turn in range(rounds):
        for offset in range(len(contenders)):
            index = (turn + offset) % len(contenders)
            passes[index].append(contenders[index].time_batch(texts))
            singles_s[index].extend(contenders[index].time_singles(texts[:n_singles]))
        after_round(turn + 1)
    return [
        Times(len(texts), tuple(of_all), tuple(of_single))
        for of_all, of_single in zip(passes, singles_s, strict=True)
    ]  # fmt: skip


def surely_faster(times: Times, other: Times) -> bool:
    """Whether the 95 % interval of the mean ratio of the two, round by round, is on one side (Student's t, of logs).

    A single round has no interval, so its ratio decides.
    """
    walls = [np.array([one.wall_s for one in of.passes]) for of in (other, times)]
    gains = np.log(walls[0] / walls[1])
    if len(gains) < 2:
        return bool(gains[0] > 0.0)
    margin = stats.t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / math.sqrt(len(gains))
    return bool(gains.mean() > margin)


def speed_of(times: Times, reference: Times) -> ModelSpeed:
    """The speed from these times, relative to the reference in the same rounds."""
    wall_s = np.array([one.wall_s for one in times.passes])
    ratios = np.array([one.wall_s for one in reference.passes]) / wall_s
    tokens = [one.n_tokens for one in times.passes]
    known = [count for count in tokens if count is not None]
    milliseconds = np.array(times.singles_s) * 1_000
    return ModelSpeed(
        latency_p50_ms=float(np.quantile(milliseconds, 0.5)),
        latency_p99_ms=float(np.quantile(milliseconds, 0.99)),
        n_singles=len(times.singles_s),
        texts_per_s=float(np.median(times.n_texts / wall_s)),
        tokens_per_s=float(np.median(np.array(known) / wall_s)) if len(known) == len(tokens) else None,
        ratio=Estimate(float(np.median(ratios)), float(ratios.min()), float(ratios.max())),
        cpu_ms_per_text=float(np.median([one.cpu_s for one in times.passes])) / times.n_texts * 1_000,
    )
