"""The offsets that a commit offers, within a transaction or without one: judged and collected alike."""

from __future__ import annotations

from typing import Any

from consumers.broker.broker import Broker
from consumers.broker.codes import Code
from consumers.broker.entries import Offset


def judge(
    broker: Broker, topics: Any, refusal: Code, *, topic_class: Any, partition_class: Any
) -> tuple[list[Any], list[Offset]]:
    """The answer for every partition of `topics`, and the offsets that may be taken.

    A `refusal` of the whole request holds for all of them; otherwise only partitions that do not exist are refused.
    """
    accepted: list[Offset] = []

    def answer(topic: str, item: Any) -> Any:
        code = refusal
        if code is Code.NONE and not broker.topics.has_partition(topic, item.partition_index):
            code = Code.UNKNOWN_TOPIC_OR_PARTITION
        if code is Code.NONE:
            metadata = item.committed_metadata or ""
            accepted.append(
                Offset(topic, item.partition_index, item.committed_offset, item.committed_leader_epoch, metadata)
            )
        return partition_class(partition_index=item.partition_index, error_code=code)

    answers = [
        topic_class(name=topic.name, partitions=[answer(topic.name, item) for item in topic.partitions])
        for topic in topics
    ]
    return answers, accepted
