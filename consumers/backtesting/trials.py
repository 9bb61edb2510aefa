"""Made-up weeks that are like a segment's history, to count false alarms and to hide rises in them.

The history tells volume by minute, the usual share over day and week, correlation and wander, as the detector has
learnt them. Negatives are drawn anew. So every alarm is a false one, and every rise is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sentiment.spikes.dispersion import BUCKET_MINUTES, WANDER_HALF_LIFE_MINUTES
from sentiment.spikes.replay import Counts, openings
from sentiment.spikes.segment import SpikeConfig
from sentiment.spikes.segment_state import SegmentState

BUDGETS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""False alarms a week that a report compares, with the user's own."""

RISES = ((1.4, 720), (2.0, 180), (3.0, 60))
"""Sizes (a factor of the share) and lengths (minutes) of the rises that are hidden."""

_WEEK = 10_080
_GRACE_MINUTES = 30
_APART_MINUTES = 3 * 1_440
_MOST_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Found:
    """How many of `n` hidden rises were found while they lasted, and after how many minutes half of them were."""

    factor: float
    minutes: int
    n: int
    found: int
    median_minutes: float | None


@dataclass(frozen=True, slots=True)
class Null:
    """A segment without incident: results by minute, with the usual share, correlation and wander of its history."""

    minutes: NDArray[np.int64]
    n: NDArray[np.int64]
    share: NDArray[np.float64]
    correlation: float
    wander: float

    @classmethod
    def of(cls, state: SegmentState, counts: Counts, config: SpikeConfig) -> Null:
        """What the state of a segment says about its counts."""
        minutes = np.array(sorted(counts), dtype=np.int64)
        expected = [state.baseline.expected(int(minute), config.baseline) for minute in minutes]
        return cls(
            minutes=minutes,
            n=np.array([counts[int(minute)][0] for minute in minutes], dtype=np.int64),
            share=np.array([each.share for each in expected]),
            correlation=expected[-1].correlation,
            wander=state.baseline.dispersion.wander(config.baseline.dispersion),
        )

    @property
    def weeks(self) -> float:
        """How long it lasts."""
        return float(self.minutes[-1] - self.minutes[0] + 1) / _WEEK

    def draw(self, rng: np.random.Generator, rises: Sequence[tuple[int, int, float]] = ()) -> Counts:
        """New negatives. A rise is (first minute, minutes, factor of the share)."""
        share = self.share
        for start, length, factor in rises:
            inside = (self.minutes >= start) & (self.minutes < start + length)
            share = np.where(inside, np.minimum(share * factor, _MOST_SHARE), share)
        buckets, place = np.unique(self.minutes // BUCKET_MINUTES, return_inverse=True)
        offset = _wander(rng, buckets, self.wander)[place]
        share = 1.0 / (1.0 + (1.0 - share) / share * np.exp(-offset))
        if self.correlation > 0.0:
            # One draw for each bucket, moved to each minute's share: the results of a bucket are alike.
            strength = 1.0 / self.correlation - 1.0
            means = np.bincount(place, share) / np.bincount(place)
            drawn = rng.beta(means * strength, (1.0 - means) * strength)
            share = np.clip(share * (drawn / means)[place], 0.0, 1.0)
        negatives = rng.binomial(self.n, share)
        return {int(minute): (int(n), int(k)) for minute, n, k in zip(self.minutes, self.n, negatives, strict=True)}


def _wander(rng: np.random.Generator, buckets: NDArray[np.int64], deviation: float) -> NDArray[np.float64]:
    """An AR(1) process on the logit, at these buckets."""
    path = np.zeros(len(buckets))
    if deviation == 0.0:
        return path
    kept = 0.5 ** (np.diff(buckets) * BUCKET_MINUTES / WANDER_HALF_LIFE_MINUTES)
    noise = rng.normal(0.0, deviation, len(buckets))
    path[0] = noise[0]
    for place, part in enumerate(kept, start=1):
        path[place] = part * path[place - 1] + np.sqrt(1.0 - part**2) * noise[place]
    return path


def false_alarms_a_week(null: Null, budget: float, config: SpikeConfig, rng: np.random.Generator) -> float:
    """Alarms a week in one drawn history, at a budget."""
    return len(openings(null.draw(rng), with_budget(config, budget))) / max(null.weeks, 1.0 / 7.0)


def hide_rises(
    null: Null, factor: float, minutes: int, config: SpikeConfig, rng: np.random.Generator, trials: int
) -> Found:
    """Hide a rise every third day of the second half of the history, and count what is found."""
    first, last = int(null.minutes[0]), int(null.minutes[-1])
    middle = (first + last) // 2
    delays: list[float] = []
    n = 0
    for _ in range(trials):
        shift = int(rng.integers(0, 1_440))
        starts = range(middle + shift, last - minutes - _GRACE_MINUTES, _APART_MINUTES)
        opened = openings(null.draw(rng, [(start, minutes, factor) for start in starts]), config)
        for start in starts:
            n += 1
            inside = [at - start + 1 for at in opened if start <= at < start + minutes + _GRACE_MINUTES]
            delays += inside[:1]
    median = float(np.median(delays)) if len(delays) * 2 >= n > 0 else None
    return Found(factor, minutes, n, len(delays), median)


def with_budget(config: SpikeConfig, budget: float) -> SpikeConfig:
    """The same detector with another budget of false alarms a week."""
    return replace(config, detector=replace(config.detector, false_alarms_per_week=budget))
