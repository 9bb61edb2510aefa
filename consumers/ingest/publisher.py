"""Commits rows together with the progress through their file. Any number of processes may try at once.

The progress is the number of rows that are published. It is the committed offset of the group `ingest.<fingerprint>`,
which never has members, for partition 0 of the target topic. The metadata of the offset names the run that owns the
ingest.

A run first fences the run before it, which also settles a transaction that a killed run left open. Then it commits its
own name. After a fault it reads the name again. If it still owns the ingest, it makes a new producer and goes on from
the committed offset; if another run does, it stops. So of two processes with the same file one goes on, and neither
loses or doubles a row.
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

_ATTEMPTS = 20  # about 45 s of waiting beside the clients' own timeouts: by then a broker has restarted


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed: `run` has published `published` rows, their times shifted by `shift_us` microseconds."""

    published: int
    run: str
    shift_us: int = 0


class IngestTakenOverError(SentimentError):
    """Another process publishes the same file to the same topic, so this one stopped."""


class Publisher:
    """One run of an ingest. `name` is the fingerprint of the ingest: two publishers of one name fence each other.

    Not thread-safe. After a fault of Kafka it tries again for a limited time. What is committed stays committed.
    """

    def __init__(self, settings: Settings, *, topic: str, name: str, run: str) -> None:
        self._settings = settings
        self._partition = TopicPartition(topic, 0)
        self._name = f"ingest.{name}"
        self._position = Position(published=0, run=run)
        self._producer: TransactionalProducer | None = None

    @property
    def published(self) -> int:
        """How many rows are certainly published."""
        return self._position.published

    def committed(self) -> Position | None:
        """What any run has committed, or None. Raises BrokerUnavailable."""
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
        """Take this ingest over, and return the position to go on from.

        `shift_us` is for an ingest that begins; one that goes on keeps the shift that it began with.

        Raises:
            IngestTakenOverError: another process took the same ingest over at the same moment.
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

        self._position = self._retried(claim)
        return self._position

    def publish(self, records: Sequence[OutgoingRecord]) -> None:
        """Commit the next rows, each exactly once, whatever happens meanwhile.

        Raises:
            IngestTakenOverError: another process publishes the same file.
            TransientError: Kafka did not recover in time.
            FatalError: Kafka refuses these rows, however often they are sent.
        """
        target = msgspec.structs.replace(self._position, published=self._position.published + len(records))

        def commit() -> None:
            # The commit that failed may have happened all the same.
            if self._producer is None and self._recover() == target:
                return
            self._commit(records, target)

        self._retried(commit)
        self._position = target

    def close(self) -> None:
        """Close the producer. What was not committed is aborted."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _recover(self) -> Position:
        """Make a new producer and return the committed position. Raises IngestTakenOverError."""
        # Fence only if we still own the run. If nobody can say, fence all the same: a transaction that the fault left
        # open hides what is committed, and only fencing aborts it.
        with suppress(BrokerUnavailable):
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

    def _retried(self, attempt: Callable[[], T]) -> T:
        """Call `attempt`, again after each transient fault, which costs the producer. Raises the last fault."""
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
        # Somebody moved the offset with a tool that writes no metadata. It still counts the rows.
        return Position(published=found.offset, run="")


def _taken_over() -> IngestTakenOverError:
    return IngestTakenOverError(
        "another process ingests the same file into the same topic, so this one stopped",
        hint="no row is lost or doubled: let the other one finish, or run the same command again",
    )
