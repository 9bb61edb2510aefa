"""Following a topic as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from consumers.cluster.reader import CommittedReader
from consumers.cluster.records import Record
from consumers.cluster.topics import ensure_topics, partition_count, plans
from sentiment.settings import Settings

_POLL_S = 0.5


def follow(settings: Settings, topic: str, *, from_beginning: bool) -> Iterator[Record]:
    """Committed records of all partitions of `topic`, as they come, without end.

    The order holds within a partition only. One of the project's own topics is created if it is missing.

    Raises:
        ConfigurationError: there is no such topic.
        BrokerUnavailable: the cluster cannot be reached.
    """
    if topic in plans(settings.topics):
        ensure_topics(settings, [topic])
    partition_count(settings, topic)  # says so if there is none
    with closing(CommittedReader(settings)) as reader:
        reader.follow(topic, from_beginning=from_beginning)
        while True:
            yield from reader.poll(_POLL_S)
