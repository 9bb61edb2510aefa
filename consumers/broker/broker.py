"""The broker over one data folder: journal, topics, offsets, groups and transactions put together, and their upkeep."""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from consumers.broker.codes import BrokerError
from consumers.broker.compaction import compact_partition
from consumers.broker.data_dir import JOURNAL, TOPICS, DamagedJournalError, check_ours, lock, mark
from consumers.broker.durability import INTERVAL_S, Flusher, FsyncPolicy
from consumers.broker.entries import Entry, GroupDeleted, TopicDeleted
from consumers.broker.groups import Groups
from consumers.broker.journal import Journal
from consumers.broker.offsets import Offsets
from consumers.broker.producer_ids import ProducerIds
from consumers.broker.topics import Topics
from consumers.broker.transactions import Transactions

_log = structlog.get_logger(__name__)

_TICK_S = 0.1
_CLEAN_EVERY_S = 15.0
_FORGET_EVERY_S = 600.0
"""As often as Apache Kafka looks for groups that nobody uses (`offsets.retention.check.interval.ms`)."""

NODE_ID = 1


class Broker:
    """Use it from one event loop only. `address` is set once the server listens.

    Opening reads the journal and the last segment of every log. With `rebuild` it makes a new journal of what is sound
    in the old one and of the logs on the disk. Raises DataDirError, OSError; nothing is deleted then.
    """

    def __init__(self, data_dir: Path, fsync: FsyncPolicy, *, rebuild: bool = False) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        check_ours(data_dir, rebuild=rebuild)
        self.data_dir = data_dir
        self._lock = lock(data_dir)
        self.address = ("127.0.0.1", 0)
        self._flusher = Flusher(fsync)
        self._journal = Journal(data_dir / JOURNAL, self._flusher)
        self.topics = Topics(data_dir / TOPICS, self._journal, self._flusher)
        self.offsets = Offsets(self._journal)
        self.groups = Groups(self._journal)
        self.producer_ids = ProducerIds(self._journal)
        self.transactions = Transactions(
            self._journal, self.producer_ids, self.topics, self.offsets, self.groups.check_commit
        )
        self._parts = (self.topics, self.groups, self.offsets, self.producer_ids, self.transactions)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, self._lock)
            undo.callback(self._journal.close)
            undo.callback(self.topics.close)
            if rebuild:
                self._rebuild()
            else:
                self._read_journal()
                self._recover()
            self.cluster_id = mark(data_dir)
            undo.pop_all()

    def _read_journal(self) -> None:
        for entry in self._journal.read():
            try:
                for part in self._parts:
                    part.apply(entry)
            except KeyError as error:
                raise DamagedJournalError(f"{self._journal.path}: a line that others depend on is missing") from error
        unnamed = self.topics.unnamed()
        if unnamed:
            raise DamagedJournalError(f"{self._journal.path} does not name {unnamed[0]}, which has records")

    def _recover(self) -> None:
        self.topics.recover(self.now_ms())
        self._recover_rest()

    def _recover_rest(self) -> None:
        self.groups.recover(self.now_s())
        self.producer_ids.recover()
        self.transactions.recover(self.now_ms())

    def _rebuild(self) -> None:
        """Apply what can be, take over the logs on the disk, and write the journal anew."""
        for entry in self._journal.salvage():
            for part in self._parts:
                with contextlib.suppress(KeyError):  # it depends on a line that is lost
                    part.apply(entry)
        adopted = self.topics.adopt()
        self.topics.recover(self.now_ms())
        partitions = [partition for topic in self.topics for partition in topic.partitions]
        self.producer_ids.skip(max((each for one in partitions for each in one.producers.by_id), default=0))
        self._journal.rewrite(self._entries())
        self._recover_rest()
        known = {each.producer_id for each in self.transactions if each.partitions}
        for partition in partitions:
            # Readers would wait for ever for the end of a transaction that nobody knows.
            for producer_id in partition.producers.open.keys() - known:
                epoch = partition.producers.by_id[producer_id].epoch
                partition.end_transaction(producer_id, epoch, commit=False, now_ms=self.now_ms())
        _log.warning("journal_rebuilt", topics=len(list(self.topics)), adopted_partitions=adopted)

    @staticmethod
    def now_ms() -> int:
        """Wall clock, in epoch milliseconds."""
        return time.time_ns() // 1_000_000

    @staticmethod
    def now_s() -> float:
        """Monotonic clock, for sessions."""
        return time.monotonic()

    def delete_topic(self, name: str) -> None:
        """Delete a topic, and by the same journal entry the offsets that groups have in it. Raises BrokerError."""
        self.topics.delete(name)
        self.offsets.apply(TopicDeleted(name))

    def delete_group(self, group_id: str) -> None:
        """Delete a group, and by the same journal entry its offsets. Raises BrokerError for one with members."""
        self.groups.delete(group_id)
        self.offsets.apply(GroupDeleted(group_id))

    async def upkeep(self) -> None:
        """End what has timed out, flush, apply retention, compact. Runs until it is cancelled."""
        flushed = cleaned = forgotten = self.now_s()
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                self.groups.tick(self.now_s())
                self.transactions.tick(self.now_ms())
                if self._journal.due:
                    self._journal.rewrite(self._entries())
                if self.now_s() - flushed >= INTERVAL_S:
                    flushed = self.now_s()
                    await self._flusher.flush()
                if self.now_s() - cleaned >= _CLEAN_EVERY_S:
                    cleaned = self.now_s()
                    await self._clean()
                if self.now_s() - forgotten >= _FORGET_EVERY_S:
                    forgotten = self.now_s()
                    self.groups.forget_unused(self.offsets.is_in_use)
            except (BrokerError, OSError) as error:
                # A full disk, most likely. What failed is as it was, and the next turn tries again.
                _log.error("upkeep_failed", reason=str(error))

    async def _clean(self) -> None:
        for topic in self.topics:
            await asyncio.sleep(0)  # for the others
            if self.topics.get(topic.name) is not topic:
                continue  # it was deleted meanwhile
            for partition in topic.partitions:
                partition.clean(self.now_ms())
                if partition.config.compacted:
                    await compact_partition(partition)

    def _entries(self) -> Iterator[Entry]:
        for part in self._parts:
            yield from part.entries()

    def close(self) -> None:
        """Flush and close all files, and release the data folder."""
        self.topics.close()
        self._journal.rewrite(self._entries())
        self._journal.close()
        os.close(self._lock)
