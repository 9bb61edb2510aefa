"""Topics and their partitions, in memory and on disk."""

import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from consumers.broker.codes import BrokerError, Code
from consumers.broker.durability import Flusher
from consumers.broker.entries import (
    ConfigsChanged,
    Entry,
    LogStartMoved,
    PartitionsAdded,
    TopicCreated,
    TopicDeleted,
)
from consumers.broker.journal import Journal
from consumers.broker.log import may_be_log
from consumers.broker.partition import Partition
from consumers.broker.topic_config import TopicConfig, check_configs

_LEGAL_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_LEGAL_NUMBER = re.compile(r"0|[1-9][0-9]{0,2}")
MAX_PARTITIONS = 1000
"""Most partitions of one topic. More is a typing error for a broker of one process."""


@dataclass(slots=True)
class Topic:
    """A topic; its partitions share one `config` object."""

    name: str
    topic_id: uuid.UUID
    config: TopicConfig
    partitions: list[Partition]


class Topics:
    """Every change is written to the journal, and only `apply` lets it take effect."""

    def __init__(self, directory: Path, journal: Journal, flusher: Flusher) -> None:
        self._directory = directory
        self._journal = journal
        self._flusher = flusher
        self._topics: dict[str, Topic] = {}
        self._by_id: dict[uuid.UUID, Topic] = {}
        self._starts: dict[tuple[str, int], int] = {}
        self._deleted: set[Path] = set()

    def __iter__(self) -> Iterator[Topic]:
        return iter(list(self._topics.values()))

    def get(self, name: str) -> Topic | None:
        """None for an unknown name."""
        return self._topics.get(name)

    def by_id(self, topic_id: uuid.UUID) -> Topic | None:
        """None for an unknown id."""
        return self._by_id.get(topic_id)

    def partition(self, name: str, number: int) -> Partition:
        """Raises BrokerError(UNKNOWN_TOPIC_OR_PARTITION)."""
        topic = self._topics.get(name)
        if topic is None or not 0 <= number < len(topic.partitions):
            raise BrokerError(Code.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.")
        return topic.partitions[number]

    def has_partition(self, name: str, number: int) -> bool:
        """Whether `partition` would find it."""
        topic = self._topics.get(name)
        return topic is not None and 0 <= number < len(topic.partitions)

    def check_new(self, name: str, partitions: int, configs: Mapping[str, str]) -> None:
        """Raise BrokerError if a topic cannot be created like this."""
        if not _LEGAL_NAME.fullmatch(name) or name in (".", ".."):
            raise BrokerError(Code.INVALID_TOPIC, "A topic name has 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'.")
        if name in self._topics:
            raise BrokerError(Code.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
        if not 1 <= partitions <= MAX_PARTITIONS:
            raise BrokerError(Code.INVALID_PARTITIONS, f"Number of partitions must be 1 to {MAX_PARTITIONS}.")
        check_configs(configs)

    def create(self, name: str, partitions: int, configs: Mapping[str, str]) -> Topic:
        """Raises what `check_new` raises."""
        self.check_new(name, partitions, configs)
        self._change(TopicCreated(name, uuid.uuid4().hex, partitions, dict(configs)))
        return self._topics[name]

    def check_more_partitions(self, name: str, count: int) -> None:
        """Raise BrokerError if the topic cannot grow to `count` partitions."""
        topic = self._topics.get(name)
        if topic is None:
            raise BrokerError(Code.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.")
        if not len(topic.partitions) < count <= MAX_PARTITIONS:
            raise BrokerError(
                Code.INVALID_PARTITIONS,
                f"Topic {name} has {len(topic.partitions)} partitions; it can have more, up to {MAX_PARTITIONS}.",
            )

    def add_partitions(self, name: str, count: int) -> None:
        """Raises what `check_more_partitions` raises."""
        self.check_more_partitions(name, count)
        self._change(PartitionsAdded(name, count))

    def set_configs(self, name: str, configs: Mapping[str, str], *, validate_only: bool = False) -> None:
        """Replace all settings of a topic; raises BrokerError for a bad one."""
        check_configs(configs)
        if not validate_only:
            self._change(ConfigsChanged(name, dict(configs)))

    def delete(self, name: str) -> None:
        """Raises BrokerError(UNKNOWN_TOPIC_OR_PARTITION)."""
        if name not in self._topics:
            raise BrokerError(Code.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.")
        self._change(TopicDeleted(name))

    def delete_records(self, partition: Partition, offset: int) -> None:
        """Delete the records before `offset` (-1: all); raises BrokerError(OFFSET_OUT_OF_RANGE)."""
        offset = partition.end_offset if offset == -1 else offset
        if not 0 <= offset <= partition.end_offset:
            raise BrokerError(Code.OFFSET_OUT_OF_RANGE)
        if offset > partition.start_offset:
            self._change(LogStartMoved(partition.topic, partition.number, offset))
            partition.delete_before(offset)

    def _change(self, entry: Entry) -> None:
        self._journal.write(entry)
        self.apply(entry)
        if isinstance(entry, TopicCreated | PartitionsAdded):
            self._make_folders(self._topics[entry.name])
        elif isinstance(entry, TopicDeleted):
            self._remove_deleted()

    def apply(self, entry: Entry) -> None:
        """Let a journal entry take effect in memory; entries of other kinds change nothing."""
        match entry:
            case TopicCreated():
                topic = Topic(entry.name, uuid.UUID(entry.topic_id), TopicConfig(dict(entry.configs)), [])
                self._topics[entry.name] = topic
                self._by_id[topic.topic_id] = topic
                self._grow(topic, entry.partitions)
            case PartitionsAdded():
                self._grow(self._topics[entry.name], entry.partitions)
            case ConfigsChanged():
                topic = self._topics[entry.name]
                topic.config.overrides = dict(entry.configs)
                for partition in topic.partitions:
                    partition.log.segment_bytes = topic.config.segment_bytes
            case TopicDeleted():
                topic = self._topics.pop(entry.name)
                del self._by_id[topic.topic_id]
                for partition in topic.partitions:
                    self._starts.pop((entry.name, partition.number), None)
                    self._deleted.add(partition.log.directory)
                    partition.log.close()
                    partition.wake()
            case LogStartMoved():
                self._starts[entry.topic, entry.partition] = entry.offset

    def _grow(self, topic: Topic, count: int) -> None:
        for number in range(len(topic.partitions), count):
            folder = self._directory / f"{topic.name}-{number}"
            self._deleted.discard(folder)
            topic.partitions.append(Partition(topic.name, number, folder, self._flusher, topic.config))

    def _make_folders(self, topic: Topic) -> None:
        for partition in topic.partitions:
            partition.log.directory.mkdir(parents=True, exist_ok=True)

    def recover(self, now_ms: int) -> None:
        """Open the logs of all topics that the journal names."""
        self._remove_deleted()
        for topic in self:
            self._make_folders(topic)
            for partition in topic.partitions:
                partition.recover(now_ms, self._starts.get((topic.name, partition.number), 0))

    def _remove_deleted(self) -> None:
        """Remove the folders of topics that were deleted, now or just before a crash. Others are never touched."""
        for folder in self._deleted:
            shutil.rmtree(folder, ignore_errors=True)
        self._deleted.clear()

    def unnamed(self) -> list[str]:
        """Names of the folders with records that the journal does not name."""
        return [folder.name for _, _, folder in self._unnamed() if any(folder.iterdir())]

    def adopt(self) -> int:
        """Take over the partitions on the disk that the journal does not name; returns how many.

        Nothing counts as deleted then: a line may be lost that made the topic again.
        """
        self._deleted.clear()
        counts: dict[str, int] = {}
        unnamed = self._unnamed()
        for name, number, _ in unnamed:
            counts[name] = max(counts.get(name, 0), number + 1)
        for name, count in counts.items():
            if name in self._topics:
                self._grow(self._topics[name], count)
            else:
                self.apply(TopicCreated(name, uuid.uuid4().hex, count))
        return len(unnamed)

    def _unnamed(self) -> list[tuple[str, int, Path]]:
        """(topic, number, folder) of what looks like a partition: logs are in it, or nothing."""
        known = {partition.log.directory for topic in self for partition in topic.partitions} | self._deleted
        found = []
        for folder in sorted(self._directory.iterdir()) if self._directory.exists() else ():
            name, _, number = folder.name.rpartition("-")
            legal = _LEGAL_NAME.fullmatch(name) and _LEGAL_NUMBER.fullmatch(number)
            if folder not in known and legal and folder.is_dir() and may_be_log(folder):
                found.append((name, int(number), folder))
        return found

    def close(self) -> None:
        """Close all files."""
        for topic in self:
            for partition in topic.partitions:
                partition.log.close()

    def entries(self) -> Iterator[Entry]:
        """Entries that describe the present state."""
        for topic in self:
            yield TopicCreated(topic.name, topic.topic_id.hex, len(topic.partitions), topic.config.overrides)
        for (name, number), offset in self._starts.items():
            yield LogStartMoved(name, number, offset)
