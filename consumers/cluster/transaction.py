"""One exactly-once unit of work: records and consumer offsets are committed together, or not at all.

kafka-python's transactions have five faults. This class is the only place that knows them, and follows a rule for each:

1. Offsets of an aborted transaction can leak into the next one, so after a failure there is no next one.
2. A batch that expires does not abort its transaction, so every send is checked *before* the offsets are added.
3. An epoch bump during a commit can report success, so no batch is in flight when the commit starts (by rule 2).
4. After an error, neither abort nor commit can be trusted. So after any error, discard the producer and the consumer,
   build new ones, and resume from the committed offsets.
5. `init`, `send_offsets`, `commit` and `abort` can wait for ever, so they run under a deadline.

A new producer with the same transactional id fences its predecessor, whatever state that was in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from kafka import KafkaProducer
from kafka.errors import AuthorizationError, KafkaError, MessageSizeTooLargeError, UnsupportedVersionError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from consumers.cluster.client_internals import sendable
from consumers.cluster.clients import make_producer
from consumers.cluster.closing import CLOSE_S, close_quietly
from consumers.cluster.records import OutgoingRecord, TopicPartition
from consumers.timing.deadline import run_with_deadline
from sentiment.errors import DeadlineExceeded, FatalError, TransactionFailed
from sentiment.settings import Settings

T = TypeVar("T")

_PERMANENT = (AuthorizationError, MessageSizeTooLargeError, UnsupportedVersionError)
_DEADLINE_MARGIN_S = 5.0
_BROKEN_CLOSE_S = 0.5


class TransactionalProducer:
    """A transactional producer that cannot be used again after its first failure.

    `deadline_s` limits each call that may block. It should be a little longer than the transaction timeout, after which
    the broker always has an answer.
    """

    def __init__(self, producer: KafkaProducer, *, deadline_s: float) -> None:
        self._producer = producer
        self._deadline_s = deadline_s
        self._open = False
        self._broken = False

    @classmethod
    def open(cls, settings: Settings, transactional_id: str, deadline_s: float | None = None) -> TransactionalProducer:
        """Connect and `start`, by default with a deadline just longer than the transaction timeout.

        Raises what `make_producer` and `start` raise.
        """
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
        """Fence predecessors, and end the transactions that they left open. Call it once, before the first commit.

        Raises:
            TransactionFailed: discard this producer; a new one may succeed.
            FatalError: the broker does not allow this transactional id, or does not support transactions.
        """
        self._guarded("init_transactions", self._producer.init_transactions)

    def commit(
        self,
        records: Iterable[OutgoingRecord],
        offsets: Mapping[TopicPartition, int | OffsetAndMetadata] | None = None,
        group: ConsumerGroupMetadata | None = None,
    ) -> int:
        """Produce `records` and commit `offsets` (next offset to read, by partition) for `group`, atomically.

        `group` is the consumer's metadata from a moment when it owned the partitions (stale metadata is fenced), or
        `ConsumerGroupMetadata(group_id)` for a group without members. An offset may carry metadata. Returns the number
        of records. Does nothing if there is neither a record nor an offset.

        Raises:
            TransactionFailed: it is unknown whether it was committed. Discard this producer and the consumer.
            FatalError: a record can never be sent (too large, not allowed). Discard both as well.
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
        """Close the producer. An open transaction is aborted if that works at once; otherwise it times out."""
        if self._open:
            self._open = False
            close_quietly("abort_transaction", self._producer.abort_transaction)
        # A broken producer may hold batches that it cannot send. Closing then ends in the background, when they expire.
        wait_s = _BROKEN_CLOSE_S if self._broken else CLOSE_S
        close_quietly("producer", lambda: self._producer.close(timeout=self._deadline_s), wait_s)

    def _deliver(self, records: list[OutgoingRecord]) -> None:
        """Send all records and wait until every one is acknowledged."""
        futures = self._guarded("send", lambda: [self._send(record) for record in records])
        self._guarded("flush", lambda: self._producer.flush(timeout=self._deadline_s))
        self._guarded_here("delivery", lambda: [future.get(timeout=0) for future in futures])

    def _send(self, record: OutgoingRecord) -> Any:
        return self._producer.send(
            record.topic,
            value=record.value,
            key=record.key,
            headers=sendable(record.headers),
            partition=record.partition,
            timestamp_ms=record.timestamp_ms,
        )

    def _guarded(self, step: str, call: Callable[[], T]) -> T:
        return self._guarded_here(step, lambda: run_with_deadline(call, self._deadline_s, step))

    def _guarded_here(self, step: str, call: Callable[[], T]) -> T:
        if self._broken:
            raise TransactionFailed(f"{step}: this producer has failed before, and must be rebuilt")
        try:
            return call()
        except _PERMANENT as error:
            self._broken = True
            raise FatalError(f"Kafka will never accept this: {step} failed ({type(error).__name__})") from error
        except (KafkaError, DeadlineExceeded) as error:
            self._broken = True
            raise TransactionFailed(f"{step} failed ({type(error).__name__})") from error
        except BaseException:
            self._broken = True
            raise


def _with_metadata(offset: int | OffsetAndMetadata) -> OffsetAndMetadata:
    return OffsetAndMetadata(offset, "", -1) if isinstance(offset, int) else offset
