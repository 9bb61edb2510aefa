"""What a person reads at night."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentiment.events import decode_alert, encode
from sentiment.spikes.episodes import Transition
from sentiment.spikes.message import make_alert, one_in
from tests.sentiment.spikes.observations import a_day, watch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_firing_alert_says_what_is_needed() -> None:
    """Segment, share against expectation, interval, volume, since when, chance, and what it is about."""
    change = watch(a_day())[0]
    alert = make_alert(change, created_at=NOW)
    assert change.transition is Transition.OPENED
    assert alert.status == "firing"
    assert alert.message.startswith(f"app: {alert.observed.value:.0%} negative against 14% expected (95 % interval ")
    assert f", {alert.n} messages since {alert.started_at:%Y-%m-%d %H:%M} UTC" in alert.message
    assert "probability by chance < 1 in " in alert.message
    assert "driven by payment declined" in alert.message
    assert alert.observed.low < alert.observed.value == alert.negatives / alert.n <= alert.observed.high
    assert alert.exemplars
    assert decode_alert(encode(alert)) == alert


def test_a_resolved_alert_says_since_when() -> None:
    """It names the end, and the same episode."""
    opened, recovered = (make_alert(change, created_at=NOW) for change in watch(a_day()))
    assert recovered.status == "resolved"
    assert recovered.episode_id == opened.episode_id
    assert recovered.message.startswith(f"app: over since {recovered.window_end:%Y-%m-%d %H:%M} UTC.")


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.4, "about 40%"),
        (0.02, "< 1 in 20"),
        (0.00019, "< 1 in 5,000"),
        (0.0002, "< 1 in 2,000"),
        (0.00021, "< 1 in 2,000"),
        (1e-40, "< 1 in 1,000,000"),
        (0.0, "< 1 in 1,000,000"),
    ],
)
def test_chances_are_rounded_and_do_not_boast(probability: float, words: str) -> None:
    """One, two or five times a power of ten, never smaller than the truth, and no more than a million."""
    assert one_in(probability) == words
