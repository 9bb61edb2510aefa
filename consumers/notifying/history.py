"""Which alerts a group of notifiers has handled already: those before its committed offsets.

So an alert that was published twice (for example, after the alert state was deleted) is not delivered again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.reader import CommittedReader
from consumers.cluster.records import Record, TopicPartition
from sentiment.errors import PoisonRecord
from sentiment.events import decode_alert
from sentiment.settings import Settings

MAX_HISTORY = 2_000
"""How many alerts of a partition to look back on. A segment rarely has more than a few a day."""


class NoHistory:
    """For parked alerts: each is sent as often as somebody parks it."""

    def handled(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, set[str]]:
        """Nothing."""
        return {partition: set() for partition in partitions}


class AlertHistory:
    """Reads the alerts topic up to the committed offsets of one group."""

    def __init__(self, settings: Settings, group_id: str) -> None:
        self._settings = settings
        self._group_id = group_id

    def handled(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, set[str]]:
        """The ids of the latest alerts before the committed offset of each partition.

        Raises:
            BrokerUnavailable: no answer, or they could not be read in time.
        """
        ids: dict[TopicPartition, set[str]] = {partition: set() for partition in partitions}
        ends = self._ends(ids)
        with closing(CommittedReader(self._settings)) as reader:
            reader.seek({partition: max(0, end - MAX_HISTORY) for partition, end in ends.items()})
            for record in reader.read_to(ends):
                alert_id = _alert_id(record)
                if alert_id is not None:
                    ids[TopicPartition(record.topic, record.partition)].add(alert_id)
        return ids

    def _ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the group continues in each partition that it has read."""
        with closing(ClusterLookup(self._settings)) as lookup:
            committed = lookup.committed(self._group_id, partitions)
            # A topic that was deleted and created again ends before what the group had committed.
            stable = lookup.stable_ends(committed)
        return {partition: min(offset, stable[partition]) for partition, offset in committed.items()}


def _alert_id(record: Record) -> str | None:
    try:
        return decode_alert(record.content()).alert_id
    except PoisonRecord:
        return None  # the handler has skipped it
