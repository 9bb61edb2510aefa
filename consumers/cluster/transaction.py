"""One exactly-once unit of work: records and consumer offsets, together or not at all.

kafka-python's transactions have sharp edges; five rules blunt them, and this class is the only place that knows them:

1. offsets of an aborted transaction can leak into the next one, so there is no next one after a failure;
2. a batch that expires does not abort its transaction, so every send is checked *before* the offsets are added;
3. an epoch bump during commit can report success, so no batch is in flight when the commit starts (by rule 2);
4. after an error neither abort nor commit can be trusted, so any error means: discard the producer and the consumer,
   build new ones, resume from the committed offsets;
5. `init`, `send_offsets`, `commit` and `abort` can wait for ever, so they run under a deadline.

A new producer with the same transactional id fences its predecessor, whatever state that was in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import structlog
from kafka import KafkaProducer
from kafka.errors import AuthorizationError, KafkaError, MessageSizeTooLargeError, UnsupportedVersionError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from consumers.cluster.clients import make_producer
from consumers.cluster.records import OutgoingRecord, TopicPartition
from consumers.timing.deadline import run_with_deadline
from sentiment.errors import DeadlineExceeded, FatalError, TransactionFailed
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_PERMANENT = (AuthorizationError, MessageSizeTooLargeError, UnsupportedVersionError)
_DEADLINE_MARGIN_S = 5.0
_CLOSE_S = 5.0
_BROKEN_CLOSE_S = 0.5


class TransactionalProducer:
    """A transactional producer that is used up by its first failure.

    `deadline_s` bounds each call that may block. It should be a little longer than the transaction timeout, after
    which the broker has an answer in any case.
    """

    def __init__(self, producer: KafkaProducer, *, deadline_s: float) -> None:
        self._producer = producer
        self._deadline_s = deadline_s
        self._open = False
        self._broken = False

    @classmethod
    def open(cls, settings: Settings, transactional_id: str, deadline_s: float | None = None) -> TransactionalProducer:
        """A started producer of this id; its predecessors are fenced. Raises like `make_producer` and `start`."""
        if deadline_s is None:
            deadline_s = settings.kafka.transaction_timeout_ms / 1000 + _DEADLINE_MARGIN_S
        producer = cls(make_producer(settings, transactional_id=transactional_id), deadline_s=deadline_s)
        try:
            producer.start()
        except BaseException:
            producer.close()
            raise
        return producer

    def start(self) -> None:
        """Fence predecessors and settle what they left open. Once, before the first commit.

        Raises:
            TransactionFailed: discard this producer; a new one may succeed.
            FatalError: this transactional id is not allowed, or the broker has no transactions.
        """
        self._guarded("init_transactions", self._producer.init_transactions)

    def commit(
        self,
        records: Iterable[OutgoingRecord],
        offsets: Mapping[TopicPartition, int | OffsetAndMetadata] | None = None,
        group: ConsumerGroupMetadata | None = None,
    ) -> int:
        """Produce `records` and commit `offsets` (next offset to read, by partition) for `group`, atomically.

        `group` is the consumer's metadata as it was when the partitions were known to be owned (a stale one is fenced),
        or `ConsumerGroupMetadata(group_id)` for a group without members. An offset may carry metadata. Returns the
        number of records. Nothing is done where there is neither a record nor an offset.

        Raises:
            TransactionFailed: whether it was committed is unknown; discard this producer and the consumer.
            FatalError: a record can never be sent (too large, not allowed); the same discarding applies.
        """
        pending = list(records)
        if not pending and not offsets:
            return 0
        if offsets and group is None:
            raise ValueError("offsets need a group")
        self._guarded("begin_transaction", self._producer.begin_transaction)
        self._open = True
        self._deliver(pending)
        if offsets:
            to_commit = {partition: _with_metadata(offset) for partition, offset in offsets.items()}
            self._guarded(
                "send_offsets_to_transaction",
                lambda: self._producer.send_offsets_to_transaction(to_commit, group),
            )
        self._open = False  # from here on only the broker knows
        self._guarded("commit_transaction", self._producer.commit_transaction)
        return len(pending)

    def close(self) -> None:
        """Give the producer up; an open transaction is aborted where that works at once, else it times out."""
        if self._open:
            self._open = False
            self._quietly("abort_transaction", self._producer.abort_transaction)
        # A broken producer may hold batches that cannot be sent: closing it ends in the background, when they expire.
        wait_s = _BROKEN_CLOSE_S if self._broken else _CLOSE_S
        self._quietly("close", lambda: self._producer.close(timeout=self._deadline_s), wait_s)

    def _deliver(self, records: list[OutgoingRecord]) -> None:
        """Send all records and wait until every one is acknowledged."""
        futures = self._guarded("send", lambda: [self._send(record) for record in records])
        self._guarded("flush", lambda: self._producer.flush(timeout=self._deadline_s))
        self._guarded_here("delivery", lambda: [future.get(timeout=0) for future in futures])

    def _send(self, record: OutgoingRecord) -> Any:
        # The client refuses a null header value, though Kafka allows it: an empty one goes in its place.
        headers = [(name, b"" if value is None else value) for name, value in record.headers]
        return self._producer.send(
            record.topic,
            value=record.value,
            key=record.key,
            headers=headers,
            partition=record.partition,
            timestamp_ms=record.timestamp_ms,
        )

    def _guarded(self, step: str, call: Callable[[], T]) -> T:
        return self._guarded_here(step, lambda: run_with_deadline(call, self._deadline_s, step))

    def _guarded_here(self, step: str, call: Callable[[], T]) -> T:
        if self._broken:
            raise TransactionFailed(f"{step}: this producer has failed before and must be rebuilt")
        try:
            return call()
        except _PERMANENT as error:
            self._broken = True
            raise FatalError(f"Kafka refuses this work for good: {step} failed ({type(error).__name__})") from error
        except (KafkaError, DeadlineExceeded) as error:
            self._broken = True
            raise TransactionFailed(f"{step} failed ({type(error).__name__})") from error
        except BaseException:
            self._broken = True
            raise

    def _quietly(self, step: str, call: Callable[[], object], wait_s: float = _CLOSE_S) -> None:
        """A farewell call: its failure changes nothing, since nobody uses the producer afterwards."""
        try:
            run_with_deadline(call, wait_s, step)
        except (KafkaError, DeadlineExceeded) as error:
            _log.debug("transaction_farewell_failed", step=step, error=type(error).__name__)


def _with_metadata(offset: int | OffsetAndMetadata) -> OffsetAndMetadata:
    return OffsetAndMetadata(offset, "", -1) if isinstance(offset, int) else offset
