"""Asks the cluster now and then, on a thread of its own: does it answer, and how far is the group?

The loop cannot know either. A consumer whose brokers are gone polls on without an error, and knows the end of a
partition only after it has fetched from it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType

import structlog

from consumers.cluster.connection import check_connection
from consumers.cluster.lookup import ClusterLookup, NotAllowedError
from consumers.cluster.records import TopicPartition
from consumers.runtime.outage import Outage, Source
from consumers.timing.clock import Clock
from sentiment.errors import SentimentError, TransientError
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_INTERVAL_S = 2.0
"""Between questions: two or three small requests, one for each broker that leads an owned partition."""

_CLOSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What the brokers say of a partition: where its log ends, and the next offset that the group will read."""

    reached: int
    end: int


class ClusterWatch:
    """Asks while the context lasts, about the partitions that `follow` named, and tells `outage` whether it worked."""

    def __init__(
        self, settings: Settings, group_id: str, topics: tuple[str, ...], outage: Outage, clock: Clock
    ) -> None:
        self._settings = settings
        self._group_id = group_id
        self._topics = topics
        self._outage = outage
        self._clock = clock
        self._changed = threading.Condition()
        self._partitions: frozenset[TopicPartition] = frozenset()
        self._progress: Mapping[TopicPartition, Progress] = {}
        self._answered_s = clock.monotonic()
        self._ask = True
        self._closed = False
        self._blind = False
        self._thread = threading.Thread(target=self._run, name="cluster watch", daemon=True)

    def __enter__(self) -> ClusterWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_S)  # a question may be waiting for its answer; the thread ends with the process

    def follow(self, partitions: Iterable[TopicPartition]) -> None:
        """Ask about these partitions from now on, the first time at once."""
        with self._changed:
            self._partitions = frozenset(partitions)
            self._ask = True
            self._changed.notify_all()

    def progress(self) -> Mapping[TopicPartition, Progress]:
        """The latest answer; without partitions of which nothing is known yet."""
        with self._changed:
            return self._progress

    def answered_since(self, moment_s: float) -> bool:
        """Whether the cluster has answered a question that was asked after the monotonic time `moment_s`.

        If not, it is asked at once.
        """
        with self._changed:
            if self._answered_s >= moment_s:
                return True
            self._ask = True
            self._changed.notify_all()
            return False

    def _run(self) -> None:
        with closing(ClusterLookup(self._settings, patience_s=0.0)) as lookup:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._ask or self._closed, timeout=_INTERVAL_S)
                    if self._closed:
                        return
                    self._ask = False
                    partitions = self._partitions
                self._question(lookup, partitions)

    def _question(self, lookup: ClusterLookup, partitions: frozenset[TopicPartition]) -> None:
        asked_s = self._clock.monotonic()
        try:
            progress = self._look(lookup, partitions)
        except TransientError as error:
            self._outage.failed(Source.WATCH, self._reason(error), since_s=self._answered_s)
            return
        except NotAllowedError as error:
            progress = {}  # an answer, though not the one we wanted
            if not self._blind:
                self._blind = True
                _log.warning("lag_unknown", reason=error.message, group=self._group_id)
        with self._changed:
            self._answered_s = asked_s
            self._progress = progress
        self._outage.answered(Source.WATCH)

    def _look(self, lookup: ClusterLookup, partitions: frozenset[TopicPartition]) -> dict[TopicPartition, Progress]:
        if not partitions:
            for topic in self._topics:
                lookup.partitions(topic)
            return {}
        ends = lookup.log_ends(partitions)
        reached = lookup.committed(self._group_id, partitions)
        if len(reached) < len(partitions):
            reached = lookup.starts(partitions - reached.keys()) | reached
        return {partition: Progress(reached[partition], ends[partition]) for partition in partitions}

    def _reason(self, error: TransientError) -> str:
        """The step of the connection that fails, if one does."""
        try:
            check_connection(self._settings)
        except SentimentError as better:
            return better.message
        return error.message
