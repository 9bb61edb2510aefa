"""The table of thresholds: what it says between its points, and that its simulation is the detector's."""

from __future__ import annotations

from math import log
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.spikes.baseline import Expected
from sentiment.spikes.buckets import MinuteCounts
from sentiment.spikes.detector import DetectorConfig, Evidence, Recent
from sentiment.spikes.thresholds import LOWEST_NATS, threshold
from tests.sentiment.spikes.threshold_table import TABLE, Null, count_alarms, minutes_of

GRID: dict[str, Any] = msgspec.json.decode(TABLE.read_bytes())
SIDES = ("per_bucket", "shares", "correlations", "spreads")


def expected(null: Null) -> Expected:
    return Expected(null.share, null.spread, null.correlation, null.per_bucket)


@pytest.mark.parametrize("places", [(0, 0, 0, 0), (3, 2, 1, 2), (6, 3, 2, 5), (2, 1, 0, 3)])
def test_at_its_points_it_is_the_table(places: tuple[int, ...]) -> None:
    """One false alarm a week costs what was simulated, and each factor e less its scale."""
    cell = 0
    for side, place in zip(SIDES, places, strict=True):
        cell = cell * len(GRID[side]) + place
    null = Null(*(GRID[side][place] for side, place in zip(SIDES, places, strict=True)))
    assert threshold(expected(null), 1.0) == pytest.approx(GRID["nats"][cell])
    for budget in (0.1, 0.5):
        at_budget = GRID["nats"][cell] - GRID["scale"][cell] * log(budget)
        assert threshold(expected(null), budget) == pytest.approx(at_budget)


@settings(deadline=None)
@given(st.floats(0, 1e6), st.floats(1e-6, 1 - 1e-6), st.floats(0, 0.3), st.floats(0, 9), st.floats(0.001, 1_000))
def test_it_has_an_answer_for_every_segment(
    volume: float, share: float, correlation: float, spread: float, budget: float
) -> None:
    """Also outside of the grid; a smaller budget never needs less evidence."""
    null = Null(volume, share, correlation, spread)
    nats = threshold(expected(null), budget)
    assert LOWEST_NATS <= nats < 100_000
    assert threshold(expected(null), budget / 2) >= nats


@settings(deadline=None)
@given(st.sampled_from(GRID["per_bucket"]), st.sampled_from(GRID["correlations"]), st.floats(0.05, 0.7))
def test_what_is_known_less_needs_more_evidence(volume: float, correlation: float, spread: float) -> None:
    """Where there are enough results for a rise to show, a larger spread raises the threshold."""
    if volume >= 16:
        nulls = [Null(volume, 0.2, correlation, each) for each in (spread, spread + 0.1)]
        assert threshold(expected(nulls[0]), 1.0) < threshold(expected(nulls[1]), 1.0) + 0.5


@pytest.mark.parametrize(
    ("null", "nats"),
    [(Null(1.0, 0.1, 0.0, 0.1), 1.5), (Null(16.0, 0.3, 0.01, 0.2), 3.0), (Null(256.0, 0.15, 0.05, 0.4), 4.0)],
)
def test_the_simulated_detector_is_the_real_one(null: Null, nats: float) -> None:
    """On the same results the arms that run for many segments at once alarm as often as those of one segment."""
    counts = list(minutes_of(np.random.default_rng(8), null, 3, 2_880))
    simulated = count_alarms(counts, null, np.array([nats]))[:, 0]
    for segment in range(3):
        minutes = [
            MinuteCounts(minute, int(n[segment]), int(negatives[segment]))
            for minute, (n, negatives) in enumerate(counts)
        ]
        assert alarms(minutes, null, nats) == simulated[segment]
    assert simulated.sum() > 0


def alarms(minutes: list[MinuteCounts], null: Null, nats: float) -> int:
    """How often the detector's own arms reach a threshold, with an hour of rest after each."""
    config, recent, found, rest = DetectorConfig(), Recent(), 0, -1
    bank = [Evidence() for _ in config.odds_ratios]
    share = expected(null).cautious(config.caution)
    for counts in minutes:
        if not counts.n:
            continue
        design_effect = recent.design_effect(counts, null.correlation)
        if counts.minute <= rest:
            continue
        for evidence, ratio in zip(bank, config.odds_ratios, strict=True):
            evidence.add(counts, design_effect, share, ratio)
        if any(evidence.statistic >= nats and evidence.n >= config.min_n for evidence in bank):
            found, rest = found + 1, counts.minute + 60
            for evidence in bank:
                evidence.clear()
    return found
