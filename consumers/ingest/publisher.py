"""Rows and the progress through their file in one transaction, for any number of processes that try at once.

Progress is the committed offset of the group `ingest.<fingerprint>`, which never has members, on partition 0 of the
target topic: the number of rows that were published. Its metadata names the run that owns the ingest.

A run begins by fencing its predecessor, which also settles a transaction that a killed one left open, and commits its
own name. After a fault it looks whose name stands there: its own, and it builds a new producer and goes on from the
committed offset; another's, and it stops. So of two processes with the same file one survives, and neither loses or
doubles a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import TypeVar

import msgspec
import structlog
from kafka.errors import KafkaError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from consumers.cluster.clients import make_consumer
from consumers.cluster.records import OutgoingRecord, TopicPartition
from consumers.cluster.transaction import TransactionalProducer
from consumers.timing.backoff import Backoff
from sentiment.errors import BrokerUnavailable, SentimentError, TransactionFailed, TransientError
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_ATTEMPTS = 20  # some 45 s of waiting, and the clients' own time-outs: a broker that restarts is back by then


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed: `published` rows, by `run`, with their times shifted by `shift_us` microseconds."""

    published: int
    run: str
    shift_us: int = 0


class IngestTakenOverError(SentimentError):
    """Another process publishes the same file to the same topic, so this one has stopped."""


class Publisher:
    """One run of one ingest. `name` is its fingerprint: two publishers of the same name fence each other.

    Not thread-safe. Faults of Kafka are ridden out for a bounded time; what was committed before stays committed.
    """

    def __init__(self, settings: Settings, *, topic: str, name: str, run: str) -> None:
        self._settings = settings
        self._partition = TopicPartition(topic, 0)
        self._name = f"ingest.{name}"
        self._position = Position(published=0, run=run)
        self._producer: TransactionalProducer | None = None

    @property
    def published(self) -> int:
        """How many rows are published for certain."""
        return self._position.published

    def committed(self) -> Position | None:
        """What is committed, by whichever run; None where there is nothing. Raises BrokerUnavailable."""
        # A read-committed consumer waits for transactions that are still being settled; an admin client does not.
        consumer = make_consumer(self._settings, group_id=self._name)
        with closing(consumer):
            try:
                found = consumer.committed(
                    self._partition, metadata=True, timeout_ms=self._settings.kafka.request_timeout_ms
                )
            except KafkaError as error:
                reason = type(error).__name__
                raise BrokerUnavailable(f"the progress of this ingest cannot be read ({reason})") from error
        return None if found is None else _decode(found)

    def open(self, *, restart: bool, shift_us: int) -> Position:
        """Own this ingest, and say from where to go on.

        `shift_us` counts for a beginning; an ingest that goes on keeps the shift that it began with.

        Raises:
            IngestTakenOverError: another process began the same ingest at the same moment, and was faster.
            TransientError: Kafka did not recover in time.
        """
        expected: set[str | None] = set()

        def claim() -> Position:
            # First, since an open transaction hides what is committed.
            self._producer = TransactionalProducer.open(self._settings, self._name)
            now = self.committed()
            run = None if now is None else now.run
            if not expected:
                expected.update((run, self._position.run))
            elif run not in expected:
                raise _taken_over()
            if now is None or restart:
                now = Position(published=0, run="", shift_us=shift_us)
            elif now.published == 0:
                now = msgspec.structs.replace(now, shift_us=shift_us)
            mine = msgspec.structs.replace(now, run=self._position.run)
            self._commit([], mine)
            return mine

        self._position = self._riding_out_faults(claim)
        return self._position

    def publish(self, records: Sequence[OutgoingRecord]) -> None:
        """Commit the next rows, each exactly once whatever happens meanwhile.

        Raises:
            IngestTakenOverError: another process publishes the same file now.
            TransientError: Kafka did not recover in time.
            FatalError: Kafka refuses this for good.
        """
        target = msgspec.structs.replace(self._position, published=self._position.published + len(records))

        def commit() -> None:
            # After a fault: the commit that failed may have happened all the same.
            if self._producer is None and self._recover() == target:
                return
            self._commit(records, target)

        self._riding_out_faults(commit)
        self._position = target

    def close(self) -> None:
        """Give the producer up; what was not committed is aborted."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _recover(self) -> Position:
        """A new producer and the committed position, which must still be this run's."""
        with suppress(BrokerUnavailable):  # nobody is fenced in vain; but the open transaction of a fault has to be
            self._require_own()
        self._producer = TransactionalProducer.open(self._settings, self._name)
        return self._require_own()

    def _require_own(self) -> Position:
        now = self.committed()
        if now is None or now.run != self._position.run:
            raise _taken_over()
        return now

    def _commit(self, records: Sequence[OutgoingRecord], position: Position) -> None:
        if self._producer is None:
            raise TransactionFailed("there is no producer any more")
        offset = OffsetAndMetadata(position.published, msgspec.json.encode(position).decode(), -1)
        self._producer.commit(records, {self._partition: offset}, ConsumerGroupMetadata(self._name))

    def _riding_out_faults(self, attempt: Callable[[], T]) -> T:
        """What `attempt` returns, tried again with a new producer after each transient fault."""
        backoff = Backoff(_ATTEMPTS, base_s=0.5, max_s=5.0)
        while True:
            try:
                return attempt()
            except TransientError as error:
                self.close()
                delay_s = backoff.next_delay()
                if delay_s is None:
                    raise
                _log.warning(
                    "ingest_fault", reason=error.message, published=self.published, retry_in_s=round(delay_s, 1)
                )
            time.sleep(delay_s)


def _decode(found: OffsetAndMetadata) -> Position:
    try:
        return msgspec.json.decode(found.metadata, type=Position)
    except msgspec.MsgspecError:
        # Moved by hand, with a tool that writes no metadata: the offset still tells the row.
        return Position(published=found.offset, run="")


def _taken_over() -> IngestTakenOverError:
    return IngestTakenOverError(
        "another process ingests the same file into the same topic; this one has stopped",
        hint="no row is lost or doubled: let the other one finish, or run the same command again",
    )
