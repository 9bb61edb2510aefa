"""Commits rows together with the state of their ingest. Any number of processes may try at once.

The state is in a compacted topic (`consumers.ingest.state`): how many rows are published, the digests of the rows, and
the run that owns the ingest.

A run first fences the run before it, which also settles a transaction that a killed run left open. Then it commits its
own name. After a fault it reads the name again. If it still owns the ingest, it makes a new producer and goes on from
the committed position; if another run does, it stops. So of two processes with the same file one goes on, and neither
loses or doubles a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec
import structlog

from consumers.cluster.records import OutgoingRecord
from consumers.cluster.transaction import TransactionalProducer
from consumers.ingest.batches import Prepared
from consumers.ingest.state import Chunks, Position, StateReader, WriterName, chunk_key, state_record
from consumers.timing.backoff import Backoff
from sentiment.errors import BrokerUnavailable, SentimentError, TransactionFailed, TransientError
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_MARGIN_S = 15.0
_ATTEMPTS = 20  # about 45 s of waiting beside the clients' own timeouts: by then a broker has restarted


class IngestTakenOverError(SentimentError):
    """Another process publishes the same rows to the same topic, so this one stopped."""


class Publisher:
    """One run of an ingest. Two publishers of one `name` fence each other.

    `whole_export` reads what all writers of the export have published (`digests`); `is_new` says that nobody has used
    the name before. Not thread-safe. After a fault of Kafka it tries again for a limited time. What is committed stays
    committed.
    """

    def __init__(
        self, settings: Settings, name: WriterName, *, run: str, whole_export: bool = False, is_new: bool = False
    ) -> None:
        self._settings = settings
        self._name = name
        self._topic = settings.topics.ingest_state
        self._position = Position(published=0, run=run)
        self._state = StateReader(settings, name, whole_export)
        self._is_new = is_new
        self._chunks = Chunks()
        self._producer: TransactionalProducer | None = None

    @property
    def published(self) -> int:
        """How many rows are certainly published."""
        return self._position.published

    def digests(self) -> Iterable[bytes]:
        """The digests that the export had when `open` returned, several in each. To be read once."""
        found, self._state.chunks = self._state.chunks, {}
        return found.values()

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
            self._producer = self._new_producer()
            if self._is_new:
                self._state.skip()
            # A killed run of another ingest may hide it too. The broker ends its transaction after a time.
            now = self._state.refresh(self._settings.kafka.transaction_timeout_ms / 1000 + _MARGIN_S)
            run = None if now is None else now.run
            if not expected:
                expected.update((run, self._position.run))
            elif run not in expected:
                raise _taken_over()
            forgotten = list(self._state.chunk_keys()) if restart else []
            if now is None or restart:
                now = Position(published=0, run="", shift_us=shift_us)
            elif now.published == 0:
                now = msgspec.structs.replace(now, shift_us=shift_us)
            mine = msgspec.structs.replace(now, run=self._position.run)
            self._commit([state_record(self._topic, key, None) for key in forgotten], mine)
            if restart:
                self._state.chunks.clear()
            return mine

        self._position = self._retried(claim)
        self._chunks = Chunks() if self._position.published == 0 else self._state.end_of_chunks()
        return self._position

    def publish(self, rows: Sequence[Prepared]) -> None:
        """Commit the next rows, each exactly once, whatever happens meanwhile.

        Raises:
            IngestTakenOverError: another process publishes the same file.
            TransientError: Kafka did not recover in time.
            FatalError: Kafka refuses these rows, however often they are sent.
        """
        target = msgspec.structs.replace(self._position, published=self._position.published + len(rows))
        chunks, changed = self._chunks.add([row.digest for row in rows])
        records = [row.record for row in rows]
        records += [state_record(self._topic, chunk_key(self._name, n), value) for n, value in changed.items()]

        def commit() -> None:
            # The commit that failed may have happened all the same.
            if self._producer is None and self._recover() == target:
                return
            self._commit(records, target)

        self._retried(commit)
        self._position, self._chunks = target, chunks

    def forget(self) -> None:
        """Delete the position of an ingest that nobody can go on with. If that fails, a small record stays."""
        if self._producer is not None:
            with suppress(TransientError):
                self._producer.commit([state_record(self._topic, self._name.key.encode(), None)])

    def close(self) -> None:
        """Close the producer. What was not committed is aborted."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _recover(self) -> Position:
        """Make a new producer and return the committed position. Raises IngestTakenOverError."""
        # Fence only if we still own the run. If nobody can say, fence all the same: a transaction that the fault left
        # open hides what is committed, and only fencing aborts it.
        patience_s = self._settings.kafka.request_timeout_ms / 1000
        with suppress(BrokerUnavailable):
            self._require_own(patience_s)
        self._producer = self._new_producer()
        return self._require_own(self._settings.kafka.transaction_timeout_ms / 1000 + _MARGIN_S)

    def _require_own(self, patience_s: float) -> Position:
        now = self._state.refresh(patience_s)
        if now is None or now.run != self._position.run:
            raise _taken_over()
        return now

    def _new_producer(self) -> TransactionalProducer:
        return TransactionalProducer.open(self._settings, f"ingest.{self._name.export}.{self._name.writer}")

    def _commit(self, records: Sequence[OutgoingRecord], position: Position) -> None:
        if self._producer is None:
            raise TransactionFailed("there is no producer any more")
        value = msgspec.json.encode(position)
        self._producer.commit([*records, state_record(self._topic, self._name.key.encode(), value)])

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


def _taken_over() -> IngestTakenOverError:
    return IngestTakenOverError(
        "another process publishes the same rows to the same topic, so this one stopped",
        hint="no row is lost or doubled: let the other one finish, or run the same command again",
    )
