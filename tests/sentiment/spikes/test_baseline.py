"""What is learnt to be normal, and when."""

from __future__ import annotations

import pytest

from sentiment.spikes.baseline import BLOCK_MINUTES, HOLD_MINUTES, Baseline, BaselineConfig, Volume
from sentiment.spikes.buckets import MinuteCounts

CONFIG = BaselineConfig()
DAY = 1_440


def learnt(days: float, per_minute: int = 2, every: int = 5, share: float = 0.2, start: int = 0) -> Baseline:
    """A baseline after some days in which every few minutes has results, `share` of them negative."""
    baseline = Baseline()
    watch(baseline, start, round(start + days * DAY), per_minute, every, share)
    return baseline


def watch(baseline: Baseline, start: int, end: int, per_minute: int, every: int, share: float) -> None:
    """Give a baseline its minutes, as a segment does."""
    owed = 0.0
    for minute in range(start, end, every):
        owed += per_minute * share
        counts = MinuteCounts(minute, per_minute, min(int(owed), per_minute))
        owed -= counts.negatives
        baseline.volume.add(counts)
        baseline.settle(minute, CONFIG)
        baseline.add(counts, 1.0, baseline.expected(minute, CONFIG).share)


def test_without_history_the_prior_is_expected() -> None:
    """A segment never seen has the prior's share, hardly certain, and must not alarm."""
    expected = Baseline().expected(0, CONFIG)
    assert expected.share == pytest.approx(CONFIG.season.share)
    assert expected.spread > 1.0
    assert not expected.ready


def test_a_new_segment_learns_at_once_and_then_three_hours_late() -> None:
    """Its first results count as soon as their half hour is over. Later ones can still be taken out."""
    baseline = learnt(1 / 24, per_minute=20, every=1)
    assert baseline.learnt_n == 20 * BLOCK_MINUTES
    assert baseline.expected(60, CONFIG).ready
    watch(baseline, 60, 61 + HOLD_MINUTES, 20, 1, 0.2)
    assert baseline.learnt_n == 20 * 2 * BLOCK_MINUTES
    assert baseline.blocks[0].block == 2


def test_history_sharpens_what_is_expected() -> None:
    """The spread shrinks from day to day, around the segment's own share."""
    spreads = [learnt(days, share=0.4).expected(round(days * DAY), CONFIG).spread for days in (0.5, 1, 2, 10)]
    assert spreads == sorted(spreads, reverse=True)
    assert learnt(10, share=0.4).expected(10 * DAY, CONFIG).share == pytest.approx(0.4, abs=0.02)


def test_an_incident_teaches_nothing_about_the_level() -> None:
    """What is taken out leaves the expected share where it was, however negative it was."""
    baseline = learnt(3)
    before = baseline.expected(3 * DAY + 600, CONFIG).share
    watch(baseline, 3 * DAY, 3 * DAY + 90, 20, 1, 0.9)
    baseline.discard(3 * DAY, CONFIG)
    watch(baseline, 3 * DAY + 90, 3 * DAY + 600, 2, 5, 0.2)
    assert baseline.expected(3 * DAY + 600, CONFIG).share == pytest.approx(before, abs=0.02)


def test_reanchoring_keeps_the_level_and_learns_again() -> None:
    """After a change of model the share stays, hardly certain, until enough is seen; a known level is taken over."""
    baseline = learnt(5, share=0.5)
    share = baseline.expected(5 * DAY, CONFIG).share
    baseline.reanchor(CONFIG)
    again = baseline.expected(5 * DAY, CONFIG)
    assert again.share == pytest.approx(share)
    assert again.spread > 0.9
    assert not again.ready
    baseline.reanchor(CONFIG, 0.7, 5 * DAY)
    assert baseline.expected(5 * DAY, CONFIG).share == pytest.approx(0.7)


def test_volume_is_that_of_the_last_hours() -> None:
    """Right within the first hour, also over silence, and within hours after a change."""
    volume = Volume()
    for minute in range(0, 600, 10):
        volume.add(MinuteCounts(minute, 4, 0))
        if minute >= 60:
            assert volume.per_bucket == pytest.approx(2.0, rel=0.3)
    for minute in range(600, 1_200):
        volume.add(MinuteCounts(minute, 4, 0))
    assert volume.per_bucket == pytest.approx(20.0, rel=0.1)
