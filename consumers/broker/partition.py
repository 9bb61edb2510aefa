"""One partition: its log, its producers, and the readers that wait for new records."""

import asyncio
from pathlib import Path

import structlog

from consumers.broker.batch import (
    BatchHeader,
    control_batch,
    parse_produced,
    read_header,
    with_append_time,
)
from consumers.broker.codes import BrokerError, Code
from consumers.broker.durability import Flusher
from consumers.broker.log import Log
from consumers.broker.producers import Aborted, ProducerStates
from consumers.broker.records import BadRecordsError, check_records, records
from consumers.broker.topic_config import TopicConfig

_log = structlog.get_logger(__name__)


class Partition:
    """There is one replica, so the high watermark is the end of the log. `append` and `read` raise BrokerError."""

    def __init__(self, topic: str, number: int, directory: Path, flusher: Flusher, config: TopicConfig) -> None:
        self.topic = topic
        self.number = number
        self.config = config
        self.producers = ProducerStates()
        self.log = Log(directory, flusher, self.producers.encode, segment_bytes=config.segment_bytes)
        self.cleaned_until = 0
        """Closed segments before this offset are compacted already."""
        self._waiting: set[asyncio.Event] = set()

    def recover(self, now_ms: int, start_offset: int) -> None:
        """Read what is on disk. Records before `start_offset` were deleted by request."""

        def replay(header: BatchHeader, data: bytes) -> None:
            self.producers.appended(header, data, now_ms)

        lost = self.log.recover(self.producers.restore, replay)
        if lost:
            _log.warning("torn_tail_cut_off", topic=self.topic, partition=self.number, bytes=lost)
        if start_offset > self.log.start_offset:
            self.log.delete_before(start_offset)
        self.producers.forget_before(self.log.start_offset)

    @property
    def end_offset(self) -> int:
        return self.log.end_offset

    @property
    def start_offset(self) -> int:
        return self.log.start_offset

    @property
    def stable_offset(self) -> int:
        """The last stable offset: read-committed readers see the records before it."""
        return self.producers.stable_offset(self.log.end_offset)

    def visible_end(self, *, read_committed: bool) -> int:
        """Where a reader of this isolation level has to stop."""
        return self.stable_offset if read_committed else self.end_offset

    def append(self, data: bytes, now_ms: int) -> int:
        """Append what a producer sent; returns its base offset. A repeated batch gets its first offset again.

        If it raises, nothing was written.
        """
        header = parse_produced(data, self.config.max_message_bytes)
        self._check_records(data, header)
        if not self.config.log_append_time and header.max_timestamp_ms > now_ms + self.config.max_ahead_ms:
            raise BrokerError(Code.INVALID_TIMESTAMP, "a record's timestamp is too far in the future")
        if header.producer_id >= 0:
            self._check_transaction(header)
            duplicate = self.producers.duplicate_of(header)
            if duplicate is not None:
                return duplicate
        if self.config.log_append_time:
            data = with_append_time(data, now_ms)
            header = read_header(data)
        return self._write(data, header, now_ms)

    def _check_records(self, data: bytes, header: BatchHeader) -> None:
        try:
            if not self.config.compacted:
                check_records(data, header)
                return
            keyless = [record for record in records(data) if record.key is None]
        except BadRecordsError as error:
            raise BrokerError(Code.INVALID_RECORD, str(error)) from error
        if keyless:
            raise BrokerError(Code.INVALID_RECORD, "a compacted topic needs a key in every record")

    def _check_transaction(self, header: BatchHeader) -> None:
        if not header.is_transactional and header.producer_id in self.producers.open:
            raise BrokerError(
                Code.INVALID_TXN_STATE, "the batch is not part of the transaction that its producer has open"
            )

    def end_transaction(self, producer_id: int, producer_epoch: int, *, commit: bool, now_ms: int) -> None:
        """Write the marker that ends the producer's transaction here; without one do nothing, so it can be repeated.

        An abort by a newer epoch is written in any case: it fences the older one.
        """
        known = self.producers.by_id.get(producer_id)
        fences = known is not None and known.epoch < producer_epoch
        if producer_id in self.producers.open or fences:
            data = control_batch(producer_id, producer_epoch, commit=commit, now_ms=now_ms)
            self._write(data, read_header(data), now_ms)

    def _write(self, data: bytes, header: BatchHeader, now_ms: int) -> int:
        try:
            header = self.log.append(data, header)
        except OSError as error:
            _log.error("log_not_writable", topic=self.topic, partition=self.number, reason=error.strerror)
            raise BrokerError(Code.KAFKA_STORAGE_ERROR, f"cannot write the log: {error.strerror}") from error
        self.producers.appended(header, data, now_ms)
        self.wake()
        return header.base_offset

    def check_offset(self, offset: int) -> None:
        """Raise BrokerError(OFFSET_OUT_OF_RANGE) for one outside the log."""
        if not self.start_offset <= offset <= self.end_offset:
            raise BrokerError(Code.OFFSET_OUT_OF_RANGE)

    def read(self, offset: int, max_bytes: int, *, read_committed: bool) -> tuple[bytes, list[Aborted]]:
        """Batches from `offset`, and for a read-committed reader the aborted transactions among them.

        An `offset` outside the log is OFFSET_OUT_OF_RANGE.
        """
        self.check_offset(offset)
        data, last_offset = self.log.read(offset, max_bytes, self.visible_end(read_committed=read_committed))
        aborted = self.producers.aborted_between(offset, last_offset) if data and read_committed else []
        return data, aborted

    def delete_before(self, offset: int) -> None:
        """Move the start of the log; see `Log.delete_before`."""
        self.log.delete_before(offset)
        self.producers.forget_before(self.start_offset)

    def clean(self, now_ms: int) -> None:
        """Apply retention by time and size, and forget producers that no longer write."""
        if self.config.deleted:
            start = self.log.expired_before(
                now_ms,
                retention_ms=self.config.retention_ms,
                retention_bytes=self.config.retention_bytes,
                stable_offset=self.stable_offset,
            )
            if start > self.start_offset:
                self.delete_before(start)
        self.producers.expire(now_ms)

    def watch(self, event: asyncio.Event) -> None:
        """Set `event` at every append, until `unwatch`."""
        self._waiting.add(event)

    def unwatch(self, event: asyncio.Event) -> None:
        """Undo `watch`."""
        self._waiting.discard(event)

    def wake(self) -> None:
        """Set the events of all readers that wait."""
        for event in self._waiting:
            event.set()
