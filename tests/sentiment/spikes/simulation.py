"""Simulated segments: how often the detector cries wolf, and how fast it sees a spike.

    python -m tests.sentiment.spikes.simulation [segments]

prints the table that the documentation quotes. Volume follows the hour of the day (±90 %; for detection ±50 %, since a
spike in an hour of ten messages cannot be seen), with bursts; results of the same five minutes are correlated
(beta-binomial, ρ = 0.01). Alarms are counted from a segment's very first message on,
so that the learning of what is normal is part of the figure.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentiment.spikes.episodes import Transition
from sentiment.spikes.segment import EpisodeChange, SpikeConfig, close
from sentiment.spikes.segment_state import SegmentState

BLOCK = 5
DAY = 1_440


@dataclass(frozen=True, slots=True)
class Scenario:
    """A segment: messages an hour, usual share of negatives, ρ, and how much share and volume swing over a day."""

    per_hour: float
    share: float
    correlation: float = 0.01
    season: float = 0.0
    swing: float = 0.9
    days: int = 7


@dataclass(frozen=True, slots=True)
class Spike:
    """The share times `factor` (at most 95 %) for `minutes` from `start` on."""

    start: int
    minutes: int
    factor: float


def simulate(rng: np.random.Generator, scenario: Scenario, spikes: Sequence[Spike] = ()) -> dict[int, tuple[int, int]]:
    """Counts (n, negatives) by minute, minutes without messages left out."""
    blocks = scenario.days * DAY // BLOCK
    minute = np.arange(blocks) * BLOCK
    angle = 2 * np.pi * minute / DAY
    volume = (1 + scenario.swing * np.sin(angle + rng.uniform(0, 2 * np.pi))) * rng.gamma(8, 1 / 8, blocks)
    share = scenario.share * (1 + scenario.season * np.sin(angle + rng.uniform(0, 2 * np.pi)))
    for spike in spikes:
        inside = (minute >= spike.start) & (minute < spike.start + spike.minutes)
        share = np.where(inside, np.minimum(share * spike.factor, 0.95), share)
    if scenario.correlation > 0:
        strength = 1 / scenario.correlation - 1
        share = rng.beta(share * strength, (1 - share) * strength)
    n = rng.poisson(np.repeat(volume, BLOCK) * scenario.per_hour / 60)
    negatives = rng.binomial(n, np.repeat(share, BLOCK))
    return {int(m): (int(n[m]), int(negatives[m])) for m in np.flatnonzero(n)}


def detect(counts: dict[int, tuple[int, int]], config: SpikeConfig | None = None) -> list[EpisodeChange]:
    """Run the detector of one segment over all minutes."""
    config = SpikeConfig() if config is None else config
    changes: list[EpisodeChange] = []
    state = SegmentState(segment="simulated")
    last = max(counts, default=0)
    by_day: dict[int, dict[int, tuple[int, int]]] = {}
    for minute, seen in counts.items():
        by_day.setdefault(minute // DAY, {})[minute] = seen
    for day in range(last // DAY + 1):
        state.open.counts.update(by_day.get(day, {}))
        changes += close(state, (day + 1) * DAY, config)
    return changes


def false_alarms_a_week(
    rng: np.random.Generator, scenario: Scenario, segments: int, config: SpikeConfig | None = None
) -> float:
    """Episodes opened without any spike, per segment and week."""
    opened = [
        change
        for _ in range(segments)
        for change in detect(simulate(rng, scenario), config)
        if change.transition is Transition.OPENED
    ]
    return len(opened) / segments / (scenario.days / 7)


def detection(
    rng: np.random.Generator,
    scenario: Scenario,
    factor: float,
    minutes: int,
    segments: int,
    config: SpikeConfig | None = None,
) -> tuple[float, float]:
    """Share of spikes found while they last or within 30 minutes, and the median delay in minutes (inf: not found)."""
    delays: list[float] = []
    for _ in range(segments):
        start = (scenario.days - 1) * DAY + int(rng.integers(0, DAY // 2))
        changes = detect(simulate(rng, scenario, [Spike(start, minutes, factor)]), config)
        opened = [
            change.minute - start + 1
            for change in changes
            if change.transition is Transition.OPENED and start <= change.minute < start + minutes + 30
        ]
        delays.append(min(opened, default=np.inf))
    return float(np.isfinite(delays).mean()), float(np.median(delays))


def _table(segments: int) -> None:
    rng = np.random.default_rng(20_260)
    sys.stdout.write("messages/h  share  season  false alarms/week\n")
    for per_hour in (24, 96, 360):
        for share in (0.1, 0.25, 0.6):
            for season in (0.0, 0.25):
                rate = false_alarms_a_week(rng, Scenario(per_hour, share, season=season), segments)
                sys.stdout.write(f"{per_hour:10d} {share:6.2f} {season:7.2f} {rate:18.2f}\n")
    sys.stdout.write("messages/h  spike           found  median delay (min)\n")
    for per_hour in (24, 96, 360):
        for factor, minutes in ((2.0, 180), (3.0, 60)):
            found, delay = detection(rng, Scenario(per_hour, 0.15, swing=0.5), factor, minutes, segments)
            sys.stdout.write(f"{per_hour:10d}  x{factor:.0f} for {minutes:3d} min  {found:6.0%} {delay:8.0f}\n")


if __name__ == "__main__":
    _table(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
