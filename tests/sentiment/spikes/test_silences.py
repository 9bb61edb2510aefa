"""What people are told of an episode while there are silences, and afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.spikes.message import make_alert
from sentiment.spikes.segment import EpisodeChange, SpikeConfig
from sentiment.spikes.silences import Silence, Silenced, decode_silence, matches, nobody, silenced_by
from sentiment.spikes.stream import StreamMonitor
from tests.sentiment.spikes.observations import FEEDS, START_MINUTE, a_day

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def between(first: int, last: int, segments: str = "*") -> Silenced:
    """Silence from one minute of the day to another."""
    start, end = (EPOCH + timedelta(minutes=START_MINUTE + minute) for minute in (first, last))
    return silenced_by([Silence(silence_id="1", segments=segments, starts_at=start, ends_at=end, reason="why")], NOW)


def watch(silenced: Silenced) -> list[EpisodeChange]:
    monitor = StreamMonitor(SpikeConfig())
    changes: list[EpisodeChange] = []
    for offset, seen in enumerate(a_day()):
        monitor.observe(offset, seen)
        changes += monitor.advance(feeds=FEEDS, idle_ms={}, silenced=silenced)
    return changes


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(0, 999))
def test_whoever_heard_of_an_episode_hears_of_its_end(first: int, last: int) -> None:
    """And nobody else; what is told has the ids of a day without silence, each once, and detection is the same."""
    open_day = [make_alert(change, created_at=NOW) for change in watch(nobody)]
    alerts = [make_alert(change, created_at=NOW) for change in watch(between(first, last))]
    told = [alert.alert_id for alert in alerts if alert.silenced is None]
    assert told in ([alert.alert_id for alert in open_day], [])
    assert len({alert.alert_id for alert in alerts}) == len(alerts)
    assert {alert.episode_id for alert in alerts} == {open_day[0].episode_id}
    assert alerts[-1].n == open_day[-1].n


def test_a_silence_is_for_its_segments() -> None:
    """Another one hears as usual."""
    assert [change.silenced for change in watch(between(0, 1_000, "app"))] == ["why", "why"]
    assert [change.silenced for change in watch(between(0, 1_000, "ap"))] == [None, None]


@pytest.mark.parametrize(
    ("pattern", "segment", "meant"),
    [
        ("checkout", "checkout", True),
        ("checkout", "checkout 2", False),
        ("checkout*", "checkout 2", True),
        ("*", "anything\nat all", True),
        ("a*c", "abbc", True),
        ("a*c", "abbcd", False),
        ("a.c", "abc", False),
        ("[a]*", "[a] b", True),
    ],
)
def test_only_a_star_is_special_in_a_pattern(pattern: str, segment: str, meant: bool) -> None:
    """It stands for any text, also for none."""
    assert matches(pattern, segment) is meant


def test_a_foreign_record_is_no_silence() -> None:
    """It is left out, and stops nobody."""
    assert decode_silence(b"\xff") is None
    assert decode_silence(b"{}") is None
