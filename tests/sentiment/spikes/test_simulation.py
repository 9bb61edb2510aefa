"""How often the detector cries wolf, and what it finds: a small version of the table of `simulation`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sentiment.spikes.simulation import Scenario, detection, false_alarms_a_week

pytestmark = pytest.mark.slow


def test_segments_without_incident_keep_the_budget() -> None:
    """Over sparse and busy segments, mostly positive or mostly negative, at most one false alarm a week on average,
    the first days with their learning included.
    """
    rng = np.random.default_rng(11)
    scenarios = [Scenario(24, 0.1), Scenario(24, 0.6), Scenario(96, 0.25), Scenario(360, 0.4)]
    rates = [false_alarms_a_week(rng, scenario, segments=5) for scenario in scenarios]
    assert sum(rates) / len(rates) <= 1.0
    assert max(rates) <= 2.0


def test_spikes_are_found_while_they_last() -> None:
    """A doubled share for three hours and a tripled one for an hour, at 96 messages an hour, are mostly found."""
    rng = np.random.default_rng(12)
    scenario = Scenario(96, 0.15, swing=0.5, days=4)
    doubled, doubled_delay = detection(rng, scenario, 2.0, 180, segments=10)
    tripled, tripled_delay = detection(rng, scenario, 3.0, 60, segments=10)
    assert doubled >= 0.7
    assert tripled >= 0.8
    assert tripled_delay < doubled_delay <= 120
