"""Simulates segments in which nothing happens, and tabulates the threshold that keeps each within its budget.

    python -m tests.sentiment.spikes.threshold_table [processes]

writes `sentiment/spikes/thresholds.json` (half an hour of one processor core). It is a parametric bootstrap of the
null, done once for a grid of segments instead of again for each: volume, expected share, correlation within five
minutes, and how far the true share may be from the expected one. That distance wanders with a half-life of six hours.
The detector is that of `sentiment.spikes.detector`, for many segments and thresholds at once; a test holds the two
against each other.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sentiment
from sentiment.spikes.detector import TRAILING_MINUTES, DetectorConfig
from sentiment.spikes.dispersion import WANDER_HALF_LIFE_MINUTES

PER_BUCKET = (0.25, 1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0)
SHARES = (0.03, 0.1, 0.3, 0.6)
CORRELATIONS = (0.0, 0.01, 0.05)
SPREADS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
TABLE = Path(sentiment.__file__).parent / "spikes" / "thresholds.json"

_WEEK = 10_080
_REST_MINUTES = 60
"""About the shortest episode with its cool-down."""
_LEVELS = np.round(np.geomspace(1.0, 400.0, 48), 3)
_SEGMENTS = 160
_MOST_A_WEEK = 4.0
"""Above it alarms follow each other so closely that their number says little."""


@dataclass(frozen=True, slots=True)
class Null:
    """A segment without incident: results in five minutes, expected share, ρ, and the spread of the logit around it."""

    per_bucket: float
    share: float
    correlation: float
    spread: float


def minutes_of(
    rng: np.random.Generator, null: Null, segments: int, minutes: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Results and negatives of each segment, minute by minute."""
    logit = np.log(null.share / (1 - null.share))
    kept = 0.5 ** (1 / WANDER_HALF_LIFE_MINUTES)
    offset = rng.normal(0, null.spread, segments)
    rate = share = np.zeros(segments)
    for minute in range(minutes):
        offset = kept * offset + np.sqrt(1 - kept**2) * null.spread * rng.normal(size=segments)
        if minute % TRAILING_MINUTES == 0:
            rate = null.per_bucket / TRAILING_MINUTES * rng.gamma(8, 1 / 8, segments)
            share = _correlated(rng, _share(logit + offset), null.correlation)
        n = rng.poisson(rate)
        yield n, rng.binomial(n, share)


def count_alarms(
    counts: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]], null: Null, levels: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Alarms of each segment at each threshold in `levels` (nats): segments × levels."""
    config = DetectorConfig()
    cautious = np.log(null.share / (1 - null.share)) + config.caution * null.spread
    usual, raised = _share(cautious), [_share(cautious + np.log(ratio)) for ratio in config.odds_ratios]
    trailing: deque[NDArray[np.int64]] = deque(maxlen=TRAILING_MINUTES)
    statistic = counted = np.zeros((len(raised), 1, 1))
    resting = alarms = np.zeros((1, len(levels)), dtype=np.int64)
    for n, negatives in counts:
        trailing.append(n)
        design_effect = 1 + np.maximum(sum(trailing) - 1, 0) * null.correlation
        steps = [
            (negatives * np.log(up / usual) + (n - negatives) * np.log((1 - up) / (1 - usual))) / design_effect
            for up in raised
        ]
        statistic = np.maximum(statistic + np.stack(steps)[:, :, None], 0) * (resting <= 0)
        counted = np.where(statistic > 0, counted + n[:, None], 0)
        over = ((statistic >= levels) & (counted >= config.min_n)).any(0)
        alarms = alarms + over
        resting = np.where(over, _REST_MINUTES, resting - 1)
        statistic = np.where(over, 0, statistic)
    return alarms


def simulate_threshold(null: Null, seed: int) -> tuple[float, float]:
    """The threshold at one false alarm a week, and how many nats divide the false alarms by e."""
    for levels in (_LEVELS, 10 * _LEVELS):
        counts = minutes_of(np.random.default_rng(seed), null, _SEGMENTS, _WEEK)
        rates = count_alarms(counts, null, levels).mean(0)
        if rates[-1] < _MOST_A_WEEK / 4:
            break
    usable = (rates > 5 / _SEGMENTS) & (rates < _MOST_A_WEEK)
    if usable.sum() < 2:  # so few results that they raise next to no alarms
        return float(levels[0]), 1.0
    slope, intercept = np.polyfit(levels[usable], np.log(rates[usable]), 1, w=np.sqrt(rates[usable]))
    scale = max(float(-1 / slope), 0.5)
    return max(float(levels[0]), float(intercept) * scale), scale


def _share(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logit)))


def _correlated(rng: np.random.Generator, share: NDArray[np.float64], correlation: float) -> NDArray[np.float64]:
    if correlation == 0:
        return share
    strength = 1 / correlation - 1
    return rng.beta(share * strength, (1 - share) * strength)


def _cell(place: int, null: Null) -> tuple[float, float]:
    nats, scale = simulate_threshold(null, seed=place)
    return round(nats, 2), round(scale, 2)


def main(processes: int) -> None:
    """Simulate the grid and write the table."""
    grid = [Null(*each) for each in product(PER_BUCKET, SHARES, CORRELATIONS, SPREADS)]
    with ProcessPoolExecutor(processes) as pool:
        cells = []
        for place, cell in enumerate(pool.map(_cell, range(len(grid)), grid), start=1):
            cells.append(cell)
            sys.stderr.write(f"\r{place} of {len(grid)}")
    table = {
        "per_bucket": PER_BUCKET,
        "shares": SHARES,
        "correlations": CORRELATIONS,
        "spreads": SPREADS,
        "nats": [nats for nats, _ in cells],
        "scale": [scale for _, scale in cells],
    }
    TABLE.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
