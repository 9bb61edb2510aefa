"""Small parts for the broker's own tests: batches, logs in a folder, brokers without a socket, servers with limits."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from consumers.broker.batch import BatchHeader, read_header
from consumers.broker.broker import Broker
from consumers.broker.durability import Flusher, FsyncPolicy
from consumers.broker.partition import Partition
from consumers.broker.server import Limits, Server
from consumers.broker.topic_config import TopicConfig
from tests.broker import batches

NOW_MS = 1_700_000_000_000

batch = partial(batches.batch, timestamp_ms=NOW_MS)
"""A batch whose records have the time NOW_MS."""


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


def reopened_after_crash(broker: Broker, folder: Path) -> Broker:
    """What a broker finds that starts after a crash now: it opens a copy of the data, made into `folder`."""
    shutil.copytree(broker.data_dir, folder)
    return Broker(folder, FsyncPolicy.NEVER)


@contextlib.contextmanager
def serving(folder: Path, limits: Limits) -> Iterator[str]:
    """`host:port` of a broker in a thread of this process; it has the topic `topic`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    broker = Broker(folder, FsyncPolicy.NEVER)
    broker.topics.create("topic", 1, {})
    server = Server(broker, limits)
    try:
        asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result()
        yield "{}:{}".format(*broker.address)
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        broker.close()
