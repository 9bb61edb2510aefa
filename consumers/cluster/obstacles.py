"""Partitions that cannot be read on: the others are not held up, and somebody is told what to do.

A partition with an obstacle is left alone for a while, then tried again: after 1 s, 2 s, 4 s, up to a minute. Each time
a line in the log names topic, partition, offset, reason and remedy.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from consumers.cluster.records import TopicPartition, partition_name
from sentiment.errors import FatalError

_log = structlog.get_logger(__name__)

_FIRST_S = 1.0
_LONGEST_S = 60.0
_LASTING = 4
"""An obstacle that was met so often in a row, over 7 s, will not go away by itself."""

_PATIENCE_S = 30.0
"""A leader is elected, a topic is found again, within seconds."""

_REMIND_S = 60.0


class Kind(Enum):
    """What is in the way."""

    FETCH = auto()
    """A broker refuses to send the records."""

    CODEC = auto()
    """This process lacks what it takes to decompress them."""


@dataclass(frozen=True, slots=True)
class _Obstacle:
    kind: Kind
    offset: int
    error: FatalError
    n_met: int
    until_s: float


@dataclass(slots=True)
class _Delay:
    offset: int
    since_s: float
    told_s: float


class Obstacles:
    """The obstacles of one consumer. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._met: dict[TopicPartition, _Obstacle] = {}
        self._delays: dict[TopicPartition, _Delay] = {}

    def met(self, kind: Kind, partition: TopicPartition, offset: int, reason: str, remedy: str, now_s: float) -> None:
        """Nothing can be read at `offset`. Logs it."""
        before = self._met.get(partition)
        same = before is not None and (before.kind, before.offset) == (kind, offset)
        n_met = before.n_met + 1 if before is not None and same else 1
        wait_s = min(_LONGEST_S, _FIRST_S * 2.0 ** min(n_met - 1, 10))
        error = FatalError(f"{partition_name(*partition)} cannot be read at offset {offset}: {reason}", hint=remedy)
        self._met[partition] = _Obstacle(kind, offset, error, n_met, now_s + wait_s)
        _tell(partition, offset, reason, remedy, attempts=n_met, next_attempt_s=wait_s)

    def delayed(self, partition: TopicPartition, offset: int, reason: str, remedy: str, now_s: float) -> None:
        """Nothing comes from `offset` just now, which usually passes. Logs it if it does not."""
        delay = self._delays.get(partition)
        if delay is None or delay.offset != offset:
            self._delays[partition] = _Delay(offset, now_s, now_s + _PATIENCE_S - _REMIND_S)
        elif now_s - delay.told_s >= _REMIND_S:
            delay.told_s = now_s
            _tell(partition, offset, reason, remedy, seconds=round(now_s - delay.since_s))

    def passed(self, kind: Kind, partition: TopicPartition) -> None:
        """There is no obstacle of this kind."""
        obstacle = self._met.get(partition)
        if obstacle is not None and obstacle.kind is kind:
            del self._met[partition]
        if kind is Kind.FETCH:
            self._delays.pop(partition, None)

    def keep(self, assigned: Collection[TopicPartition]) -> None:
        """Forget the partitions that others read now."""
        for partition in self._met.keys() - assigned:
            del self._met[partition]
        for partition in self._delays.keys() - assigned:
            del self._delays[partition]

    def left_alone(self, now_s: float) -> set[TopicPartition]:
        """The partitions that are not to be tried now."""
        return {partition for partition, obstacle in self._met.items() if now_s < obstacle.until_s}

    def lasting(self) -> dict[TopicPartition, FatalError]:
        """What is in the way of partitions that will not be read until somebody does something."""
        return {
            partition: obstacle.error
            for partition, obstacle in self._met.items()
            if obstacle.kind is Kind.CODEC or obstacle.n_met >= _LASTING
        }


def _tell(partition: TopicPartition, offset: int, reason: str, remedy: str, **more: float) -> None:
    _log.error(
        "partition_not_readable",
        topic=partition.topic,
        partition=partition.partition,
        offset=offset,
        reason=reason,
        remedy=remedy,
        **more,
    )
