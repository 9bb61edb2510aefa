"""Which partitions of the feedback topic are scored to their end, so that their silence means something.

A source partition that says nothing in the results may be empty, or its scoring worker may be slow. Only in the first
case may the event-time clock go on without it. It is *settled* when the scoring group has committed everything up to
the last stable offset. Offsets alone cannot tell, since markers of transactions take offsets too: where the two differ
by little, the records between are looked for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import AuthorizationError, KafkaError

from consumers.cluster.clients import make_admin, make_consumer
from consumers.cluster.records import TopicPartition
from sentiment.errors import BrokerUnavailable
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_MAX_MARKERS = 100
"""Beyond this distance there are surely records in between; looking would fetch them."""

_PEEK_S = 2.0


def source_name(topic: str, partition: int) -> str:
    """The name of a source partition in clocks."""
    return f"{topic}/{partition}"


class Sources(Protocol):
    """What alerting needs to know of the source partitions."""

    def names(self) -> frozenset[str]:
        """All that exist."""

    def settled_since(self, now: datetime) -> Mapping[str, datetime] | None:
        """Since when each is known to be scored to its end, where it is; None: this cannot be known here."""


@dataclass(frozen=True, slots=True)
class _Finding:
    committed: int
    end: int
    settled_since: datetime | None


class SourceProgress:
    """Asks the broker. For one thread; raises BrokerUnavailable where it does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: KafkaAdminClient | None = None
        self._peeking: Any = None
        self._findings: dict[TopicPartition, _Finding] = {}
        self._names: frozenset[str] = frozenset()
        self._blind = False

    def names(self) -> frozenset[str]:
        """As of the last call of `settled_since`; asks at the first call."""
        if not self._names:
            self._ask(self._partitions)
        return self._names

    def settled_since(self, now: datetime) -> Mapping[str, datetime] | None:
        """See `Sources`. One look takes a few requests; call it about once a second."""
        if self._blind:
            return None
        try:
            settled: Mapping[str, datetime] | None = self._ask(lambda: self._look(now))
            return settled
        except AuthorizationError:
            self._blind = True
            _log.warning("scoring_progress_unknown", reason="not authorised", group=self._settings.worker.group_id)
            return None

    def close(self) -> None:
        """Give the clients up."""
        for client in (self._admin, self._peeking):
            if client is not None:
                client.close()
        self._admin = self._peeking = None

    def _ask(self, question: Any) -> Any:
        try:
            return question()
        except AuthorizationError:
            raise
        except KafkaError as error:
            self.close()
            raise BrokerUnavailable(f"the progress of scoring cannot be read ({type(error).__name__})") from error

    def _partitions(self) -> list[TopicPartition]:
        topic = self._settings.topics.feedback
        self._admin = self._admin or make_admin(self._settings)
        described = self._admin.describe_topics([topic])
        count = len(described[0]["partitions"]) if described and described[0]["error_code"] == 0 else 0
        self._names = frozenset(source_name(topic, number) for number in range(count))
        return [TopicPartition(topic, number) for number in range(count)]

    def _look(self, now: datetime) -> Mapping[str, datetime] | None:
        partitions = self._partitions()
        if not partitions or self._admin is None:
            return {}
        group = self._settings.worker.group_id
        ends = self._admin.list_partition_offsets(
            dict.fromkeys(partitions, OffsetSpec.LATEST), isolation_level="read_committed"
        )
        starts = self._admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        committed: dict[TopicPartition, Any] = self._admin.list_group_offsets({group: partitions})[group]
        reached = {p: max(_offset(committed.get(p)), starts[p].offset) for p in partitions}
        if all(_offset(committed.get(p)) < 0 for p in partitions) and any(
            ends[p].offset > starts[p].offset for p in partitions
        ):
            return None  # another group scores, or none: its progress is not ours to know
        self._findings = {p: self._finding(p, reached[p], ends[p].offset, now) for p in partitions}
        return {
            source_name(*partition): finding.settled_since
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
        """Whether there is a committed record in [start, end); true where that takes long to tell."""
        if self._peeking is None:
            self._peeking = make_consumer(self._settings, group_id=None, max_poll_records=1)
        consumer = self._peeking
        consumer.assign([partition])
        consumer.seek(partition, start)
        until = time.monotonic() + _PEEK_S
        try:
            while time.monotonic() < until:
                if consumer.poll(timeout_ms=100):
                    return True
                if consumer.position(partition) >= end:
                    return False
            return True
        finally:
            consumer.assign([])


def _offset(committed: Any) -> int:
    return -1 if committed is None else int(committed.offset)
