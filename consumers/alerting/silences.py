"""Silences in their compacted topic, `topics.silences`, so that every alert worker hears of them.

The key of a record is the id of its silence, and everything is in one partition. A silence is kept for a week after its
end: a worker that was down, or lags, needs it for what happened while it lasted.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import datetime, timedelta

import msgspec
import structlog

from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.reader import CommittedReader
from consumers.cluster.records import OutgoingRecord, Record, TopicPartition
from consumers.cluster.topics import ensure_topics
from consumers.cluster.transaction import TransactionalProducer
from sentiment.errors import InputError
from sentiment.settings import Settings
from sentiment.spikes.silences import Rule, Silence, Silenced, decode_silence, silenced_by

_log = structlog.get_logger(__name__)

MAX_SILENCES = 1_000
_KEPT = timedelta(days=7)
_PARTITION = 0
_ID_BYTES = 4


class SilenceReader:
    """The silences as far as they are read, and the maintenance windows. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = TopicPartition(settings.topics.silences, _PARTITION)
        self._maintenance: Sequence[Rule] = settings.alerts.maintenance()
        self._reader: CommittedReader | None = None
        self._silences: dict[bytes, Silence] = {}

    def refresh(self) -> None:
        """Read on. The first call reads to the end and may wait for it, later ones take what has come.

        Raises:
            BrokerUnavailable: see `CommittedReader`.
        """
        if self._reader is None:
            with ExitStack() as stack:
                reader = stack.enter_context(closing(CommittedReader(self._settings)))
                reader.seek({self._topic: None})
                records = list(reader.read_to(reader.ends()))
                stack.pop_all()
            self._reader = reader
        else:
            records = self._reader.poll(0.0)
        for record in records:
            self._take(record)

    def every(self) -> list[Silence]:
        """All silences that are kept, by their end."""
        return sorted(self._silences.values(), key=lambda silence: (silence.ends_at, silence.silence_id))

    def at(self, now: datetime) -> Silenced:
        """What people are not told of now."""
        return silenced_by([*self._silences.values(), *self._maintenance], now)

    def close(self) -> None:
        """Disconnect."""
        if self._reader is not None:
            self._reader.close()

    def _take(self, record: Record) -> None:
        key = record.key or b""
        if record.fault is not None:
            return  # logged
        if record.value is None:
            self._silences.pop(key, None)
            return
        silence = decode_silence(record.value)
        if silence is None:
            _log.warning("silence_unreadable", topic=record.topic, offset=record.offset)
            return
        self._silences[key] = silence


def silences(settings: Settings) -> list[Silence]:
    """The silences that are kept, also past ones, by their end.

    Raises:
        BrokerUnavailable: no answer.
    """
    return _read(settings).every()


def silenced_at(settings: Settings, now: datetime) -> Silenced:
    """What people are not told of at a time. Raises BrokerUnavailable."""
    return _read(settings).at(now)


def add_silence(settings: Settings, segments: str, *, now: datetime, lasts: timedelta, reason: str) -> Silence:
    """Silence what `segments` names from now on. Silences that ended more than a week ago are forgotten.

    Raises:
        InputError: there are too many.
        SentimentError: no connection, the topic cannot be created, or it is unknown whether the silence is set.
    """
    ensure_topics(settings, [settings.topics.silences])
    kept = silences(settings)
    old = [silence for silence in kept if silence.ends_at < now - _KEPT]
    if len(kept) - len(old) >= MAX_SILENCES:
        raise InputError(
            f"there are {MAX_SILENCES} silences already",
            hint="`sentiment alerts unsilence` removes one that is not needed",
        )
    silence = Silence(
        silence_id=secrets.token_hex(_ID_BYTES), segments=segments, starts_at=now, ends_at=now + lasts, reason=reason
    )
    _write(settings, {silence.silence_id: silence} | {each.silence_id: None for each in old})
    return silence


def remove_silence(settings: Settings, silence_id: str) -> None:
    """Remove a silence. Raises InputError if there is none with this id, and what `add_silence` raises."""
    if silence_id not in {silence.silence_id for silence in silences(settings)}:
        raise InputError(f"there is no silence {silence_id!r}", hint="`sentiment alerts silences` shows all")
    _write(settings, {silence_id: None})


def _read(settings: Settings) -> SilenceReader:
    with closing(ClusterLookup(settings)) as lookup:
        exists = lookup.partitions(settings.topics.silences)
    with closing(SilenceReader(settings)) as reader:
        if exists:
            reader.refresh()
        return reader


def _write(settings: Settings, values: dict[str, Silence | None]) -> None:
    records = [
        OutgoingRecord(
            settings.topics.silences,
            None if silence is None else msgspec.json.encode(silence),
            key=silence_id.encode(),
            partition=_PARTITION,
        )
        for silence_id, silence in values.items()
    ]
    with closing(TransactionalProducer.open(settings, f"silences.{secrets.token_hex(8)}")) as producer:
        producer.commit(records)
