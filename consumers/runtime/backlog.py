"""Polled records that wait for the handler, and what goes into the next batch."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable

from consumers.cluster.records import Record, RecordBatch, TopicPartition


class Backlog:
    """Records by partition in offset order, limited in number and bytes.

    The limits are those of one batch: when a full batch waits, the loop stops fetching. One poll may exceed them.
    """

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._waiting: OrderedDict[TopicPartition, deque[Record]] = OrderedDict()
        self._n_records = 0
        self._n_bytes = 0
        self.oldest_s: float | None = None
        """Monotonic time since when the backlog has not been empty."""

    def __len__(self) -> int:
        return self._n_records

    @property
    def full(self) -> bool:
        """Whether a full batch is waiting."""
        return self._n_records >= self._max_records or self._n_bytes >= self._max_bytes

    def add(self, partition: TopicPartition, records: Iterable[Record], now_s: float) -> None:
        """Append `records`, which follow those that were added for this partition before."""
        queue = self._waiting.setdefault(partition, deque())
        for record in records:
            queue.append(record)
            self._n_records += 1
            self._n_bytes += record.n_bytes
        if not queue:
            del self._waiting[partition]
        if self._n_records and self.oldest_s is None:
            self.oldest_s = now_s

    def due(self, now_s: float, max_wait_s: float) -> bool:
        """Whether to hand over a batch now: a full one at once, any other when its oldest record has waited enough."""
        return self.full or (self.oldest_s is not None and now_s - self.oldest_s >= max_wait_s)

    def take(self) -> RecordBatch:
        """Remove and return the next batch: partitions in turn, within both limits, but at least one record."""
        taken: dict[TopicPartition, tuple[Record, ...]] = {}
        n_records = n_bytes = 0
        while self._waiting and n_records < self._max_records:
            partition, queue = next(iter(self._waiting.items()))
            share: list[Record] = []
            while queue and n_records < self._max_records:
                size = queue[0].n_bytes
                if n_records and n_bytes + size > self._max_bytes:
                    break
                share.append(queue.popleft())
                n_records += 1
                n_bytes += size
            if share:
                taken[partition] = tuple(share)
            if queue:
                break
            del self._waiting[partition]
        if self._waiting:
            self._waiting.move_to_end(next(iter(self._waiting)))
        self._n_records -= n_records
        self._n_bytes -= n_bytes
        if not self._n_records:
            self.oldest_s = None
        return RecordBatch(taken)

    def heads(self) -> dict[TopicPartition, int]:
        """The offset of the first waiting record of each partition."""
        return {partition: queue[0].offset for partition, queue in self._waiting.items()}

    def take_first(self, partition: TopicPartition) -> RecordBatch:
        """Remove and return the first waiting record of `partition`, which must have one."""
        queue = self._waiting[partition]
        record = queue.popleft()
        if not queue:
            del self._waiting[partition]
        self._n_records -= 1
        self._n_bytes -= record.n_bytes
        if not self._n_records:
            self.oldest_s = None
        return RecordBatch({partition: (record,)})

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget the records of `partitions`."""
        for partition in partitions:
            for record in self._waiting.pop(partition, ()):
                self._n_records -= 1
                self._n_bytes -= record.n_bytes
        if not self._n_records:
            self.oldest_s = None
