"""Which feeds are scored to their end, so that their silence means something.

A *feed* is a partition of the feedback topic, as the event-time clock of detection sees it. A feed that says nothing in
the results may be empty, or its scoring worker may be slow. Only in the first case may the clock go on without it. A
feed is *settled* when the scoring group has committed everything up to the last stable offset. Offsets alone cannot
tell, because markers of transactions take offsets too: when the two differ by little, the reader looks for records in
between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from consumers.cluster.lookup import ClusterLookup, NotAllowedError
from consumers.cluster.reader import CommittedReader, ReadingStalledError
from consumers.cluster.records import TopicPartition, partition_name
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_MAX_MARKERS = 100
"""Beyond this distance there must be records in between, so there is no need to fetch and look."""

_PEEK_S = 2.0


class Feeds(Protocol):
    """What alerting needs to know about the feeds."""

    def names(self) -> frozenset[str]:
        """All feeds."""

    def settled_since(self, now: datetime) -> Mapping[str, datetime] | None:
        """Since when each settled feed is known to be settled. None: unknown, because another group may be scoring."""


@dataclass(frozen=True, slots=True)
class _Finding:
    committed: int
    end: int
    settled_since: datetime | None


class FeedProgress:
    """Asks the brokers. Raises BrokerUnavailable if they do not answer. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lookup = ClusterLookup(settings)
        self._reader: CommittedReader | None = None
        self._findings: dict[TopicPartition, _Finding] = {}
        self._names: frozenset[str] = frozenset()
        self._blind = False

    def names(self) -> frozenset[str]:
        """The feeds as of the last call of `settled_since`. The first call asks the brokers."""
        if not self._names:
            self._partitions()
        return self._names

    def settled_since(self, now: datetime) -> Mapping[str, datetime] | None:
        """See `Feeds`. Takes a few requests, so call it about once a second."""
        if self._blind:
            return None
        try:
            return self._look(now)
        except NotAllowedError:
            self._blind = True
            _log.warning("scoring_progress_unknown", reason="not authorised", group=self._settings.worker.group_id)
            return None

    def close(self) -> None:
        """Disconnect."""
        self._lookup.close()
        if self._reader is not None:
            self._reader.close()

    def _partitions(self) -> list[TopicPartition]:
        partitions = self._lookup.partitions(self._settings.topics.feedback)
        self._names = frozenset(partition_name(*partition) for partition in partitions)
        return partitions

    def _look(self, now: datetime) -> Mapping[str, datetime] | None:
        partitions = self._partitions()
        ends = self._lookup.stable_ends(partitions)
        starts = self._lookup.starts(partitions)
        committed = self._lookup.committed(self._settings.worker.group_id, partitions)
        if not committed and any(ends[p] > starts[p] for p in partitions):
            return None  # another group may be scoring, and its progress is unknown
        reached = {p: max(committed.get(p, 0), starts[p]) for p in partitions}
        self._findings = {p: self._finding(p, reached[p], ends[p], now) for p in partitions}
        return {
            partition_name(*partition): finding.settled_since
            for partition, finding in self._findings.items()
            if finding.settled_since is not None
        }

    def _finding(self, partition: TopicPartition, reached: int, end: int, now: datetime) -> _Finding:
        before = self._findings.get(partition)
        if before is not None and before.settled_since is not None and (before.committed, before.end) == (reached, end):
            return before
        settled = reached >= end or (end - reached <= _MAX_MARKERS and not self._has_record(partition, reached, end))
        return _Finding(reached, end, now if settled else None)

    def _has_record(self, partition: TopicPartition, start: int, end: int) -> bool:
        """Whether there is a committed record in [start, end); true if that takes long to tell."""
        reader = self._reader = self._reader or CommittedReader(self._settings, max_poll_records=1)
        reader.seek({partition: start})
        try:
            return any(True for _ in reader.read_to({partition: end}, patience_s=_PEEK_S))
        except ReadingStalledError:
            return True
        finally:
            reader.seek({})
