"""The detector over a history that is complete: results in order of time, or counts by minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from sentiment.events import Alert
from sentiment.spikes.episodes import Transition
from sentiment.spikes.message import make_alert
from sentiment.spikes.segment import EpisodeChange, SpikeConfig, SpikeObservation, close
from sentiment.spikes.segment_state import SegmentState
from sentiment.spikes.stream import StreamMonitor

FEED = "history"
"""What all results of a history come from, so that none waits for another."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 1_440

Counts = Mapping[int, tuple[int, int]]
"""Results and negatives by minute since 1970, minutes without results left out."""


def replay(monitor: StreamMonitor, observations: Iterable[SpikeObservation]) -> list[EpisodeChange]:
    """What a monitor tells of these results, which are in order of time. The last minutes are closed at the end."""
    changes: list[EpisodeChange] = []
    for offset, seen in enumerate(observations):
        monitor.observe(offset, seen)
        changes += monitor.advance(feeds=(FEED,), idle_ms={})
    return changes + monitor.advance(feeds=(FEED,), idle_ms={FEED: 0}, finite=True)


def alert_at_its_time(change: EpisodeChange) -> Alert:
    """The alert as it would have been raised: at the end of the minute in which it showed."""
    shown_at = _EPOCH + timedelta(minutes=change.minute + 1)
    return msgspec.structs.replace(make_alert(change, created_at=shown_at), model=None)


def openings(counts: Counts, config: SpikeConfig) -> list[int]:
    """The minutes in which episodes of one segment open."""
    state = SegmentState(segment="counts")
    by_day: dict[int, dict[int, tuple[int, int]]] = {}
    for minute, seen in counts.items():
        by_day.setdefault(minute // _DAY, {})[minute] = seen
    changes: list[EpisodeChange] = []
    for day in sorted(by_day):
        state.open.counts.update(by_day[day])
        changes += close([state], (day + 1) * _DAY, config)
    return [change.minute for change in changes if change.transition is Transition.OPENED]
