"""The share without the errors of the model: back to the truth, and an interval that holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.events import decode_alert, encode
from sentiment.spikes.explanation import explain
from sentiment.spikes.message import make_alert
from sentiment.spikes.prevalence import ModelErrors, corrected
from sentiment.spikes.segment import SpikeConfig
from sentiment.spikes.stream import StreamMonitor
from tests.sentiment.spikes.observations import FEEDS, MODEL, a_day, watch
from tests.sentiment.spikes.test_message import NOW

SHARES = st.floats(0, 1)
ERRORS = ModelErrors(recall=0.8, n_negative=2_669, false_rate=0.13, n_other=7_756)


@given(SHARES, st.floats(0.55, 1), st.floats(0, 0.4), st.integers(1, 10**6))
def test_the_truth_comes_back(share: float, recall: float, false_rate: float, n: int) -> None:
    """What the model makes of a share is turned around, and lies in its interval."""
    errors = ModelErrors(recall=recall, n_negative=1_000, false_rate=false_rate, n_other=1_000)
    found = corrected(share * recall + (1 - share) * false_rate, n, errors)
    assert found is not None
    assert found.value == pytest.approx(share, abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(SHARES, SHARES)
def test_more_negative_labels_never_mean_less(one: float, other: float) -> None:
    """The corrected share and its bounds grow with the share of labels."""
    low, high = (corrected(share, 200, ERRORS) for share in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert (low.value, low.low, low.high) <= (high.value, high.low, high.high)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.7])
@pytest.mark.parametrize(("n", "n_evaluated"), [(40, 200), (400, 200), (400, 5_000)])
def test_the_interval_holds(share: float, n: int, n_evaluated: int) -> None:
    """In 4,000 made-up evaluations and incidents, 95 % of the intervals hold the truth."""
    draw = np.random.default_rng(n + n_evaluated)
    held = 0
    for _ in range(4_000):
        recall = draw.binomial(n_evaluated, 0.8) / n_evaluated
        false_rate = draw.binomial(3 * n_evaluated, 0.13) / (3 * n_evaluated)
        found = corrected(
            draw.binomial(n, share * 0.8 + (1 - share) * 0.13) / n,
            n,
            ModelErrors(recall=recall, n_negative=n_evaluated, false_rate=false_rate, n_other=3 * n_evaluated),
        )
        assert found is not None
        held += found.low <= share <= found.high
    assert held / 4_000 > 0.94


def test_a_model_that_knows_nothing_corrects_nothing() -> None:
    """Its labels say nothing about the truth."""
    assert corrected(0.3, 100, ModelErrors(recall=0.35, n_negative=100, false_rate=0.3, n_other=100)) is None


def test_an_alert_tells_the_corrected_share() -> None:
    """In a field and in words, if the errors of its model are known."""
    change = watch(a_day())[0]
    alert = make_alert(change, created_at=NOW, errors_of=lambda model: ERRORS if model == MODEL else None)
    assert alert.corrected is not None
    assert alert.corrected.value == pytest.approx(min((alert.observed.value - 0.13) / 0.67, 1))
    assert f"; without the model's mistakes about {alert.corrected.value:.0%} (" in alert.message
    assert decode_alert(encode(alert)) == alert
    unknown = make_alert(change, created_at=NOW, errors_of=lambda model: None)
    assert unknown.corrected is None
    assert "mistakes" not in unknown.message


def test_an_explanation_tells_corrected_shares() -> None:
    """Of what is expected, and of an open episode."""
    monitor = StreamMonitor(SpikeConfig())
    for offset, each in enumerate(a_day()[:240]):
        monitor.observe(offset, each)
        monitor.advance(feeds=FEEDS, idle_ms={})
    state = monitor.segments["app"]
    found = explain(state, state.last_minute, SpikeConfig(), errors_of=lambda model: ERRORS)
    assert found.observed is not None
    assert found.observed_corrected is not None
    assert found.expected_corrected is not None
    assert found.expected_corrected.value < found.expected < found.observed.value < found.observed_corrected.value
    assert explain(state, state.last_minute, SpikeConfig()).observed_corrected is None
