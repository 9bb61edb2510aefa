"""The shape that most responses share: the topics of the request, and in each an answer for every partition."""

from collections.abc import Callable, Iterable
from typing import Any


def by_partition(
    topic_class: Any, topics: Iterable[Any], answer: Callable[[str, Any], Any], *, items: str = "partitions"
) -> list[Any]:
    """One `topic_class` for each of `topics`, with `answer(topic name, item)` for each of its partitions.

    `items` names the field of the request that holds the partitions: structures or mere numbers.
    """
    return [
        topic_class(name=topic.name, partitions=[answer(topic.name, item) for item in getattr(topic, items)])
        for topic in topics
    ]
