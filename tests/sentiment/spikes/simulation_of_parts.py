"""Simulated products with parts: pages a week without any incident, and incidents of one version.

    python -m tests.sentiment.spikes.simulation_of_parts [products] [processes]

prints the table that the documentation quotes. A product has five versions (40, 30, 20, 8 and 2 % of the results) and
three channels; both are watched. Everything else is as in `simulation`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sentiment.spikes.episodes import Transition
from sentiment.spikes.segment import SpikeConfig, close
from sentiment.spikes.segment_state import SegmentState
from tests.sentiment.spikes.simulation import DAY, DEFAULTS, Scenario, Spike, simulate

VERSIONS = (0.4, 0.3, 0.2, 0.08, 0.02)
CHANNELS = (0.5, 0.3, 0.2)
BAD = 2
"""The version that has the incidents: a fifth of the results."""

INCIDENT = 180
_GRACE = 30
_GIVEN: tuple[tuple[str, tuple[float, ...]], ...] = (("version", VERSIONS), ("source", CHANNELS))

Counts = dict[int, tuple[int, int]]


def product(
    rng: np.random.Generator, scenario: Scenario, spikes: Iterable[Spike] = ()
) -> dict[tuple[str, str | None, str], Counts]:
    """Counts of the product and of its parts, by segment, product and kind. Spikes are of the bad version alone."""
    calm = simulate(rng, scenario)
    minutes = np.array(sorted(calm))
    n, k = (np.array([calm[minute][which] for minute in minutes]) for which in (0, 1))
    minute = np.repeat(minutes, n)
    negative = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) < np.repeat(k, n)
    values = {kind: rng.choice(len(shares), size=len(minute), p=shares) for kind, shares in _GIVEN}
    for spike in spikes:
        inside = (minute >= spike.start) & (minute < spike.start + spike.minutes) & (values["version"] == BAD)
        share = negative[values["version"] == BAD].mean()
        negative |= inside & (rng.random(len(minute)) < (spike.factor - 1) * share / (1 - share))
    found = {("app", None, ""): _count(minute, negative)}
    for kind, shares in _GIVEN:
        for value in range(len(shares)):
            mine = values[kind] == value
            found[f"app / {kind}={value}", "app", kind] = _count(minute[mine], negative[mine])
    return found


def _count(minute: NDArray[np.int64], negative: NDArray[np.bool_]) -> Counts:
    minutes, place = np.unique(minute, return_inverse=True)
    n, k = np.bincount(place), np.bincount(place, negative)
    return {int(m): (int(a), int(b)) for m, a, b in zip(minutes, n, k, strict=True)}


def pages(
    counts: dict[tuple[str, str | None, str], Counts], scenario: Scenario, config: SpikeConfig = DEFAULTS
) -> list[tuple[int, str]]:
    """When people are told that an episode opened, and of which segment."""
    states = {
        key: SegmentState(segment=segment, part_of=part_of, part_kind=kind)
        for key in counts
        for segment, part_of, kind in [key]
    }
    told: list[tuple[int, str]] = []
    for day in range(scenario.days):
        for key, state in states.items():
            state.open.counts.update({m: c for m, c in counts[key].items() if m // DAY == day})
        for change in close(states.values(), (day + 1) * DAY, config):
            if change.transition is Transition.OPENED and change.silenced is None:
                told.append((change.minute, change.segment))
    return told


def _alone(counts: dict[tuple[str, str | None, str], Counts]) -> dict[tuple[str, str | None, str], Counts]:
    return {key: each for key, each in counts.items() if key[1] is None}


def _calm(scenario: Scenario, seed: int) -> tuple[float, float]:
    """Pages a week without incident: of the product alone, and with its parts."""
    counts = product(np.random.default_rng(seed), scenario)
    weeks = (scenario.days - scenario.learnt_days) / 7
    first = scenario.learnt_days * DAY
    alone, parts = (sum(minute >= first for minute, _ in pages(each, scenario)) for each in (_alone(counts), counts))
    return alone / weeks, parts / weeks


def _spiked(scenario: Scenario, factor: float, seed: int) -> list[tuple[float, float, int]]:
    """For each incident of the version: minutes until the product alone tells, until anybody tells, and pages."""
    rng = np.random.default_rng(seed)
    starts = [day * DAY + int(rng.integers(0, DAY)) for day in range(scenario.learnt_days + 1, scenario.days - 1, 3)]
    counts = product(rng, scenario, [Spike(start, INCIDENT, factor) for start in starts])
    alone, parts = pages(_alone(counts), scenario), pages(counts, scenario)
    found = []
    for start in starts:
        inside = [
            [minute - start + 1 for minute, _ in told if start <= minute < start + INCIDENT + _GRACE]
            for told in (alone, parts)
        ]
        found.append((min(inside[0], default=np.inf), min(inside[1], default=np.inf), len(inside[1])))
    return found


def main(products: int, processes: int) -> None:
    """Print the table."""
    with ProcessPoolExecutor(processes) as pool:
        for volume in (96.0, 360.0):
            scenario = Scenario(volume)
            rates = np.array(list(pool.map(partial(_calm, scenario), range(products))))
            error = rates.std(0) / np.sqrt(products)
            sys.stdout.write(
                f"{volume:5,.0f}/h  pages a week: alone {rates[:, 0].mean():.2f} ({error[0]:.2f}),"
                f" with parts {rates[:, 1].mean():.2f} ({error[1]:.2f})\n"
            )
            for factor in (3.0, 5.0):
                told = [each for some in pool.map(partial(_spiked, scenario, factor), range(products)) for each in some]
                alone, parts, n = (np.array(column) for column in zip(*told, strict=True))
                sys.stdout.write(
                    f"        x{factor:g} in a fifth for 3 h: alone {np.isfinite(alone).mean():.0%},"
                    f" median {np.median(alone):.0f} min; with parts {np.isfinite(parts).mean():.0%},"
                    f" median {np.median(parts):.0f} min, {n[n > 0].mean():.2f} pages\n"
                )
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
