"""Small parts for the broker's own tests: batches, logs in a folder, brokers without a socket."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kafka.record import MemoryRecordsBuilder

from consumers.broker.batch import BatchHeader, read_header
from consumers.broker.broker import Broker
from consumers.broker.durability import Flusher, FsyncPolicy
from consumers.broker.partition import Partition
from consumers.broker.topic_config import TopicConfig

NOW_MS = 1_700_000_000_000


def batch(
    values: Sequence[bytes],
    *,
    keys: Sequence[bytes] | None = None,
    timestamps_ms: Sequence[int] | None = None,
    producer: tuple[int, int] = (-1, -1),
    sequence: int = -1,
    transactional: bool = False,
) -> bytes:
    """One record batch as a producer would send it."""
    builder = MemoryRecordsBuilder(2, 0, 1 << 24)
    for number, value in enumerate(values):
        timestamp_ms = timestamps_ms[number] if timestamps_ms else NOW_MS
        builder.append(timestamp=timestamp_ms, key=keys[number] if keys else None, value=value)
    if producer[0] >= 0:
        builder.set_producer_state(*producer, sequence, transactional)
    builder.close()
    return bytes(builder.buffer())


def open_partition(folder: Path, **configs: str) -> Partition:
    """Partition 0 of a topic, recovered from `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {name.replace("_", "."): value for name, value in configs.items()}
    partition = Partition("topic", 0, folder, Flusher(FsyncPolicy.NEVER), TopicConfig(names))
    partition.recover(NOW_MS, 0)
    return partition


def read_batches(partition: Partition, offset: int = 0, *, max_bytes: int = 1000) -> list[BatchHeader]:
    """The headers of everything from `offset`, fetched in steps as a consumer would."""
    headers: list[BatchHeader] = []
    while offset < partition.end_offset:
        data, _ = partition.read(offset, max_bytes, read_committed=False)
        if not data:
            break
        position = 0
        while position < len(data):
            header = read_header(data, position)
            headers.append(header)
            position += header.size
        offset = headers[-1].last_offset + 1
    return headers


@dataclass
class Crash:
    """What a broker would find after a crash now: a copy of its folder, opened by another broker."""

    broker: Broker

    def reopen(self, folder: Path) -> Broker:
        """The broker of the copy; the original stays open and is not looked at again."""
        shutil.copytree(self.broker.data_dir, folder)
        return Broker(folder, FsyncPolicy.NEVER)
