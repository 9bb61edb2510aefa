"""What people ask about alerts: which episodes there are, and why a segment alarmed or did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial

from consumers.alerting.silences import silenced_at
from consumers.alerting.state import AlertStateStore
from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.reader import read_to_end
from consumers.cluster.records import TopicPartition
from sentiment.errors import InputError, PoisonRecord
from sentiment.events import Alert, decode_alert, decode_scored
from sentiment.model.errors import errors_of
from sentiment.settings import Settings
from sentiment.spikes.buckets import MINUTE_MS
from sentiment.spikes.explanation import Explanation, explain
from sentiment.spikes.family import Family
from sentiment.spikes.observations import observation
from sentiment.spikes.parts import is_in
from sentiment.spikes.prevalence import ErrorsOf
from sentiment.spikes.replay import FEED
from sentiment.spikes.segment import SpikeObservation, close
from sentiment.spikes.silences import Silenced
from sentiment.spikes.stream import StreamMonitor


@dataclass(frozen=True, slots=True)
class _Known:
    """What explanations of all segments share, read once: silences, and how models err."""

    silenced: Silenced
    errors_of: ErrorsOf

    @classmethod
    def at(cls, settings: Settings, time: datetime) -> _Known:
        return cls(silenced_at(settings, time), cache(partial(errors_of, settings.model.path)))


def episodes(settings: Settings) -> list[Alert]:
    """The latest alert of each episode on the alerts topic, the newest episode first.

    Raises:
        BrokerUnavailable: see `read_to_end`.
    """
    latest: dict[str, Alert] = {}
    for record in read_to_end(settings, settings.topics.alerts):
        try:
            alert = decode_alert(record.content())
        except PoisonRecord:
            continue
        latest[alert.episode_id] = alert
    return sorted(latest.values(), key=lambda alert: (alert.started_at, alert.segment), reverse=True)


def explain_now(settings: Settings, segment: str) -> Explanation:
    """What the alert workers have committed about a segment.

    Raises:
        InputError: they have not seen the segment.
        BrokerUnavailable: no answer.
    """
    for monitor in _committed(settings):
        if segment in monitor.segments:
            return _explain_latest(settings, monitor, segment, _Known.at(settings, datetime.now(UTC)))
    raise _unknown(segment, "the alert workers have not seen it")


def explain_all(settings: Settings) -> list[Explanation]:
    """What the alert workers have committed about every segment.

    Raises:
        BrokerUnavailable: no answer.
    """
    known = _Known.at(settings, datetime.now(UTC))
    return [
        _explain_latest(settings, monitor, segment, known)
        for monitor in _committed(settings)
        for segment in monitor.segments
    ]


def explain_then(settings: Settings, segment: str, at: datetime) -> Explanation:
    """What detection knew of a segment at a time, from the results that its topic still keeps.

    Raises:
        InputError: the topic has no result of the segment before that time.
        BrokerUnavailable: see `read_to_end`.
    """
    config = settings.alerts.spike_config()
    minute = int(at.timestamp() * 1000) // MINUTE_MS
    before = [seen for seen in _observations(settings, segment) if seen.event_ms // MINUTE_MS < minute]
    monitor = StreamMonitor(config)
    for offset, seen in enumerate(sorted(before, key=lambda seen: seen.event_ms)):
        monitor.observe(offset, replace(seen, feed=FEED))
        monitor.advance(feeds=(FEED,), idle_ms={})
    if segment not in monitor.segments:
        raise _unknown(segment, f"{settings.topics.sentiment} has no result of it before that time")
    close(monitor.family_of(segment), minute, config)
    return _explain(settings, monitor, segment, minute - 1, _Known.at(settings, at))


def _committed(settings: Settings) -> Iterable[StreamMonitor]:
    with closing(ClusterLookup(settings)) as lookup:
        partitions = lookup.partitions(settings.topics.sentiment)
        states = lookup.partitions(settings.topics.alert_state)
    wanted = [TopicPartition(settings.topics.sentiment, p.partition) for p in partitions if p.partition < len(states)]
    return AlertStateStore(settings, settings.alerts.spike_config()).load(wanted).values()


def _explain_latest(settings: Settings, monitor: StreamMonitor, segment: str, known: _Known) -> Explanation:
    recent = monitor.segments[segment].recent.minutes
    return _explain(settings, monitor, segment, recent[-1].minute if recent else 0, known)


def _explain(settings: Settings, monitor: StreamMonitor, segment: str, minute: int, known: _Known) -> Explanation:
    state = monitor.segments[segment]
    return explain(
        state,
        minute,
        settings.alerts.spike_config(),
        budget_share=Family(monitor.family_of(segment)).budget_share(state),
        silenced=known.silenced,
        errors_of=known.errors_of,
    )


def _observations(settings: Settings, segment: str) -> Iterator[SpikeObservation]:
    for record in read_to_end(settings, settings.topics.sentiment):
        try:
            scored = decode_scored(record.content())
        except PoisonRecord:
            continue
        if is_in(scored.product, segment):
            yield observation(
                scored,
                include_unsupported_language=settings.alerts.include_unsupported_language,
                kinds=settings.alerts.kinds(),
            )


def _unknown(segment: str, why: str) -> InputError:
    return InputError(
        f"nothing is known of {segment!r}: {why}",
        hint="segments are products, which `sentiment tail` shows, and the parts that alerts.segments names",
    )
