"""How often the detector cries wolf, and what it finds: a small version of the tables of `simulation`."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.spikes.replay import openings
from tests.sentiment.spikes.simulation import DAY, DEFAULTS, SPIKES, Scenario, delays, false_alarms_a_week, simulate

pytestmark = pytest.mark.slow


def test_segments_without_incident_keep_the_budget() -> None:
    """Over sparse and busy segments, mostly positive or mostly negative, at most about one false alarm a week, also
    when the share wanders, and when volume falls or rises tenfold.
    """
    rng = np.random.default_rng(11)
    scenarios = [
        Scenario(24, 0.1),
        Scenario(96, 0.6),
        Scenario(360, wander=0.2),
        Scenario(96, volume_after=10),
        Scenario(96, volume_after=0.1),
    ]
    rates = [np.mean(false_alarms_a_week(rng, scenario, segments=4)) for scenario in scenarios]
    assert np.mean(rates) <= 1.5
    assert max(rates) <= 3.0


def test_the_first_days_are_quiet() -> None:
    """While a segment learns its level and its season, it does not alarm more often than later."""
    rng = np.random.default_rng(12)
    opened = [openings(simulate(rng, Scenario(96, days=7)), DEFAULTS) for _ in range(12)]
    assert np.mean([len(minutes) for minutes in opened]) <= 1.5
    assert np.mean([sum(minute < DAY for minute in minutes) for minutes in opened]) <= 0.5


def test_spikes_are_found_while_they_last() -> None:
    """At 96 messages an hour a doubled share, a tripled one and a slow rise are mostly found."""
    rng = np.random.default_rng(13)
    doubled, slow, tripled = (delays(rng, Scenario(96), *spike, segments=3) for spike in SPIKES)
    assert np.isfinite(doubled).mean() >= 0.75
    assert np.isfinite(slow).mean() >= 0.7
    assert np.isfinite(tripled).mean() >= 0.75
    assert np.median(tripled) < np.median(doubled) <= 75
