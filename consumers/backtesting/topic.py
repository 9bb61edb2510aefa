"""Reads the results topic as a history: what the alert workers had before them, as far as the topic still keeps it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from consumers.backtesting.history import History
from consumers.cluster.reader import read_to_end
from consumers.cluster.topics import partition_count
from sentiment.errors import InputError, PoisonRecord
from sentiment.events import decode_scored
from sentiment.progress import Progress
from sentiment.settings import Settings
from sentiment.spikes.observations import observation
from sentiment.spikes.replay import FEED
from sentiment.spikes.segment import SpikeObservation

_TELL_EVERY = 1_000


def read_results(settings: Settings, progress: Progress) -> History:
    """All results on the topic until now.

    Raises:
        ConfigurationError: there is no such topic.
        InputError: it holds no result.
        BrokerUnavailable: see `read_to_end`.
    """
    topic, alerts = settings.topics.sentiment, settings.alerts
    partition_count(settings, topic)
    kinds = alerts.kinds()
    left_out: Counter[str] = Counter()
    segments: dict[str, list[SpikeObservation]] = {}
    progress.begin("reading", None)
    for number, record in enumerate(read_to_end(settings, topic), start=1):
        if number % _TELL_EVERY == 0:
            progress.at(number)
        try:
            scored = decode_scored(record.content())
        except PoisonRecord:
            left_out["the record is not a result"] += 1
            continue
        seen = observation(scored, include_unsupported_language=alerts.include_unsupported_language, kinds=kinds)
        # The history waits for no feed, and only texts of negative results are ever shown.
        seen = replace(seen, feed=FEED, text=seen.text if seen.negative else None)
        segments.setdefault(seen.segment, []).append(seen)
    if not segments:
        raise InputError(f"the topic {topic} holds no result", hint="`sentiment worker` writes them")
    for name in segments:
        segments[name].sort(key=lambda seen: seen.event_ms)
    return History(dict(sorted(segments.items())), left_out)
