"""Simulated segments: how often the detector cries wolf, and how fast it sees a spike.

    python -m tests.sentiment.spikes.simulation [segments] [processes]

prints the tables that the documentation quotes. A segment has four weeks: two to learn from, and two in which alarms
count. The detector is told nothing but the budget of one false alarm a week. With `SENTIMENT_DATA`, volume has the
shape of real arrivals; otherwise of a day with bursts. The share of negatives has a daily and a weekly season. Results
of the same five minutes are correlated (beta-binomial, ρ), and the share may wander: an AR(1) process on the logit with
a half-life of six hours.
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment.spikes.replay import openings
from sentiment.spikes.segment import SpikeConfig

BLOCK = 5
DAY = 1_440
WEEK = 7 * DAY
_WANDER_HALF_LIFE = 360
_GRACE = {180: 30, 720: 60, 60: 60}
"""Minutes after a spike of some length in which an alarm still counts as having found it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A segment: messages an hour, usual share of negatives (None: 10 to 25 %), ρ, the relative swing of the share over
    the day, the standard deviation of its wander, and the volume after `learnt_days` as a multiple of that before.
    """

    per_hour: float
    share: float | None = None
    correlation: float = 0.01
    season: float = 0.25
    wander: float = 0.0
    volume_after: float = 1.0
    days: int = 28
    learnt_days: int = 14


@dataclass(frozen=True, slots=True)
class Spike:
    """The share times `factor` (at most 95 %) for `minutes` from `start` on."""

    start: int
    minutes: int
    factor: float


Counts = dict[int, tuple[int, int]]
DEFAULTS = SpikeConfig()


def simulate(rng: np.random.Generator, scenario: Scenario, spikes: Sequence[Spike] = ()) -> Counts:
    """Counts (n, negatives) by minute, minutes without messages left out."""
    blocks = scenario.days * DAY // BLOCK
    minute = np.arange(blocks) * BLOCK
    share = rng.uniform(0.1, 0.25) if scenario.share is None else scenario.share
    daily = scenario.season * np.sin(2 * np.pi * minute / DAY + rng.uniform(0, 2 * np.pi))
    weekly = 0.4 * scenario.season * np.sin(2 * np.pi * minute / WEEK)
    usual = np.clip(share * (1 + daily + weekly), 0.005, 0.95)
    for spike in spikes:
        inside = (minute >= spike.start) & (minute < spike.start + spike.minutes)
        usual = np.where(inside, np.minimum(usual * spike.factor, 0.95), usual)
    if scenario.wander > 0:
        logit = np.log(usual / (1 - usual)) + _wander(rng, scenario.wander, blocks)
        usual = 1 / (1 + np.exp(-logit))
    if scenario.correlation > 0:
        strength = 1 / scenario.correlation - 1
        usual = rng.beta(usual * strength, (1 - usual) * strength)
    volume = _arrivals(rng, blocks) * np.where(minute < scenario.learnt_days * DAY, 1.0, scenario.volume_after)
    n = rng.poisson(np.repeat(volume, BLOCK) * scenario.per_hour / 60)
    negatives = rng.binomial(n, np.repeat(usual, BLOCK))
    return {int(m): (int(n[m]), int(negatives[m])) for m in np.flatnonzero(n)}


def _wander(rng: np.random.Generator, deviation: float, blocks: int) -> NDArray[np.float64]:
    kept = 0.5 ** (BLOCK / _WANDER_HALF_LIFE)
    noise = rng.normal(0, deviation * np.sqrt(1 - kept**2), blocks)
    path = np.empty(blocks)
    last = rng.normal(0, deviation)
    for block in range(blocks):
        last = path[block] = kept * last + noise[block]
    return path


def _arrivals(rng: np.random.Generator, blocks: int) -> NDArray[np.float64]:
    """Relative volume by block, with a mean of about 1."""
    shapes = _real_arrivals()
    if shapes:
        shape = shapes[int(rng.integers(len(shapes)))]
        return np.resize(shape, blocks)
    angle = 2 * np.pi * np.arange(blocks) * BLOCK / DAY + rng.uniform(0, 2 * np.pi)
    return np.asarray((1 + 0.9 * np.sin(angle)) * rng.gamma(8, 1 / 8, blocks))


@cache
def _real_arrivals() -> tuple[NDArray[np.float64], ...]:
    """The volume of five-minute blocks in public streams, bounded at its 99.5th percentile."""
    folder = os.environ.get("SENTIMENT_DATA")
    shapes = []
    for path in sorted(Path(folder).glob("spikes/volume_*.csv.gz")) if folder else ():
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        volume = np.array([float(row[1]) for row in rows])
        volume = np.minimum(volume, np.percentile(volume, 99.5))
        shapes.append(volume / volume.mean())
    return tuple(shapes)


def false_alarms_a_week(
    rng: np.random.Generator, scenario: Scenario, segments: int, config: SpikeConfig = DEFAULTS
) -> list[float]:
    """Episodes opened without any spike after `learnt_days`, per week, for each segment."""
    first = scenario.learnt_days * DAY
    weeks = (scenario.days - scenario.learnt_days) / 7
    runs = (openings(simulate(rng, scenario), config) for _ in range(segments))
    return [sum(minute >= first for minute in opened) / weeks for opened in runs]


def delays(
    rng: np.random.Generator,
    scenario: Scenario,
    factor: float,
    minutes: int,
    segments: int,
    config: SpikeConfig = DEFAULTS,
) -> list[float]:
    """Minutes from the start of each spike to its alarm (inf: not found while it lasts or shortly after)."""
    found: list[float] = []
    for _ in range(segments):
        spikes = [Spike(start, minutes, factor) for start in _starts(rng, scenario)]
        opened = openings(simulate(rng, scenario, spikes), config)
        for spike in spikes:
            last = spike.start + minutes + _GRACE.get(minutes, 30)
            found.append(min((m - spike.start + 1 for m in opened if spike.start <= m < last), default=np.inf))
    return found


def _starts(rng: np.random.Generator, scenario: Scenario) -> Iterator[int]:
    """The start of a spike every third day, at any time of the day."""
    for day in range(scenario.learnt_days + 1, scenario.days - 1, 3):
        yield day * DAY + int(rng.integers(0, DAY))


VOLUMES = (24.0, 96.0, 360.0, 3_600.0)
CALM = [
    *(Scenario(volume, correlation=rho) for volume in VOLUMES for rho in (0.0, 0.01, 0.02)),
    *(Scenario(volume, wander=0.2) for volume in VOLUMES),
    *(Scenario(96.0, volume_after=times) for times in (0.1, 0.2, 4.0, 10.0)),
]
SPIKES = ((2.0, 180), (1.4, 720), (3.0, 60))


def _calm(job: tuple[Scenario, int, int]) -> list[float]:
    scenario, segments, seed = job
    return false_alarms_a_week(np.random.default_rng(seed), scenario, segments)


def _spiked(job: tuple[Scenario, float, int, int, int]) -> list[float]:
    scenario, factor, minutes, segments, seed = job
    return delays(np.random.default_rng(seed), scenario, factor, minutes, segments)


def main(segments: int, processes: int) -> None:
    """Print both tables."""
    out = sys.stdout
    with ProcessPoolExecutor(processes) as pool:
        out.write("messages/h  volume after    rho  wander  false alarms a week (standard error, most)\n")
        jobs = [(scenario, segments, seed) for seed, scenario in enumerate(CALM)]
        for (scenario, _, _), rates in zip(jobs, pool.map(_calm, jobs), strict=True):
            error = np.std(rates) / np.sqrt(segments)
            out.write(
                f"{scenario.per_hour:10,.0f} {scenario.volume_after:>12.1f}x {scenario.correlation:6.2f}"
                f" {scenario.wander:7.1f} {np.mean(rates):12.2f} ({error:.2f}, {max(rates):.1f})\n"
            )
            out.flush()
        out.write("messages/h  spike            found  median delay (min)\n")
        spiked = [
            (Scenario(volume), factor, minutes, segments, 100 + seed)
            for seed, (volume, (factor, minutes)) in enumerate((v, s) for v in VOLUMES for s in SPIKES)
        ]
        for (scenario, factor, minutes, _, _), found in zip(spiked, pool.map(_spiked, spiked), strict=True):
            part, middle = np.isfinite(found).mean(), np.median(found)
            out.write(f"{scenario.per_hour:10,.0f}  x{factor:.1f} for {minutes:3d} min {part:6.0%} {middle:8.0f}\n")
            out.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
