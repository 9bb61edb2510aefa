"""Which alerts a group of notifiers has been through already: those before its committed offsets.

An alert that was published twice (after the alert state was deleted, say) is then known, and not delivered again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from kafka.errors import KafkaError

from consumers.cluster.clients import make_admin, make_consumer
from consumers.cluster.records import TopicPartition
from sentiment.errors import BrokerUnavailable, PoisonRecord
from sentiment.events import decode_alert
from sentiment.settings import Settings

MAX_HISTORY = 2_000
"""Alerts of a partition that are looked back on: a segment rarely has more than a few a day."""

_DEADLINE_S = 30.0


class AlertHistory:
    """Reads the alerts topic behind the committed offsets of one group."""

    def __init__(self, settings: Settings, group_id: str) -> None:
        self._settings = settings
        self._group_id = group_id

    def handled(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, set[str]]:
        """Ids of the latest alerts before the committed offset of each partition.

        Raises:
            BrokerUnavailable: they could not be read in time.
        """
        wanted = list(partitions)
        try:
            with closing(make_admin(self._settings)) as admin:
                found: dict[TopicPartition, Any] = admin.list_group_offsets({self._group_id: wanted})[self._group_id]
            ends = {p: found[p].offset for p in wanted if p in found and found[p].offset > 0}
            with closing(make_consumer(self._settings, group_id=None)) as consumer:
                return {p: set() for p in wanted} | (_read(consumer, ends) if ends else {})
        except KafkaError as error:
            raise BrokerUnavailable(f"the delivered alerts cannot be read ({type(error).__name__})") from error


def _read(consumer: Any, ends: dict[TopicPartition, int]) -> dict[TopicPartition, set[str]]:
    consumer.assign(list(ends))
    starts = consumer.beginning_offsets(list(ends))
    for partition, end in ends.items():
        consumer.seek(partition, max(starts[partition], end - MAX_HISTORY))
    ids: dict[TopicPartition, set[str]] = {partition: set() for partition in ends}
    until = time.monotonic() + _DEADLINE_S
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        if time.monotonic() > until:
            raise BrokerUnavailable("the delivered alerts could not be read in time")
        for partition, records in consumer.poll(timeout_ms=200).items():
            before = [record for record in records if record.offset < ends[partition]]
            ids[partition].update(alert_id for record in before if (alert_id := _alert_id(record.value)) is not None)
    return ids


def _alert_id(value: bytes | None) -> str | None:
    try:
        return decode_alert(value).alert_id
    except PoisonRecord:
        return None  # it was passed over when it came
