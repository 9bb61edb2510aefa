"""Event-time minutes and the watermark."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.spikes.buckets import MAX_OPEN_MINUTES, MINUTE_MS, FeedClock, MinuteCounts, OpenMinutes

LATENESS_MS = 60_000

events = st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=200)


def advance(clock: FeedClock, feeds: list[str], idle_ms: dict[str, int] | None = None, *, finite: bool = False):
    return clock.advance(feeds=feeds, idle_ms=idle_ms or {}, lateness_ms=LATENESS_MS, finite=finite)


@settings(deadline=None)
@given(events, st.randoms())
def test_bucket_counts_equal_counting_offline(seen: list[tuple[int, bool]], random) -> None:
    """Whatever the order of arrival, closing gives the counts of each minute, in order, and each once."""
    random.shuffle(seen)
    minutes = OpenMinutes()
    for minute, negative in seen:
        minutes.add(minute, negative=negative)
    n, negatives = Counter(m for m, _ in seen), Counter(m for m, negative in seen if negative)
    first, rest = minutes.close(20), minutes.close(100)
    assert first + rest == [MinuteCounts(m, n[m], negatives[m]) for m in sorted(n)]
    assert all(counts.minute < 20 for counts in first)


def test_memory_is_bounded_by_closing_the_oldest_early() -> None:
    """Beyond the bound the oldest minutes are closed, and what comes for them later is not counted."""
    minutes = OpenMinutes()
    for minute in range(MAX_OPEN_MINUTES + 3):
        minutes.add(minute, negative=False)
    assert [counts.minute for counts in minutes.close(0)] == [0, 1, 2]
    assert not minutes.add(1, negative=True)
    assert minutes.add(3, negative=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 10**7)), min_size=1, max_size=60))
def test_the_watermark_is_the_slowest_feed_and_never_goes_back(seen: list[tuple[str, int]]) -> None:
    """It equals the running maximum of the minimum over all feeds of their newest time, less the lateness."""
    clock, newest, expected = FeedClock(), {}, None
    for feed, event_ms in seen:
        clock.observe(feed, event_ms)
        newest[feed] = max(event_ms, newest.get(feed, 0))
        if len(newest) == 3:
            reached = min(newest.values()) - LATENESS_MS
            expected = reached if expected is None else max(expected, reached)
        assert advance(clock, ["a", "b", "c"]) == expected


def test_a_feed_that_is_behind_is_not_late() -> None:
    """A worker that is far ahead does not close the minutes of one that has said nothing yet."""
    clock = FeedClock()
    clock.observe("fast", 10**9)
    advance(clock, ["fast", "slow"])
    assert not clock.is_late(0)


def test_an_idle_feed_does_not_hold_the_clock() -> None:
    """Without the idle one the watermark follows the others; the idle one's old events are then late."""
    clock = FeedClock()
    clock.observe("live", 10**9)
    assert advance(clock, ["live", "idle"], {"idle": 5_000}) == 10**9 - LATENESS_MS
    assert clock.is_late(10**9 - LATENESS_MS - MINUTE_MS)
    assert not clock.is_late(10**9 - LATENESS_MS)


def test_event_time_goes_on_with_the_wall_clock_while_all_are_idle() -> None:
    """The silence of the feed that spoke last is added to the newest event."""
    clock = FeedClock()
    clock.observe("a", 10**9)
    clock.observe("b", 10**9 - 500_000)
    assert advance(clock, ["a", "b"], {"a": 90_000, "b": 400_000}) == 10**9 + 90_000 - LATENESS_MS


def test_a_finite_input_closes_its_last_minute() -> None:
    """Once all feeds are idle, the minute of the newest event is over, and not before."""
    clock = FeedClock()
    clock.observe("a", 10 * MINUTE_MS + 1)
    clock.observe("b", 3 * MINUTE_MS)
    assert advance(clock, ["a", "b"], {"a": 1}, finite=True) == 2 * MINUTE_MS
    assert advance(clock, ["a", "b"], {"a": 1, "b": 1}, finite=True) == 11 * MINUTE_MS


@pytest.mark.parametrize("idle_ms", [{}, {"a": 10_000}])
def test_there_is_no_time_before_the_first_event(idle_ms: dict[str, int]) -> None:
    """Nothing is closed, and nothing late, while nothing was seen."""
    clock = FeedClock()
    assert advance(clock, ["a"], idle_ms, finite=True) is None
    assert not clock.is_late(0)
