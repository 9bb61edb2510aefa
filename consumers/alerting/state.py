"""The alert state in its compacted topic: partition p holds the states of the segments in partition p of the results.

States are written in the transaction of the alerts and offsets that follow from them, so the newest committed ones
are exactly what the committed offsets say. They are read back, to the *high watermark*, before the first result of an
assigned partition is handled: the previous owner's last transaction may be complete for its offsets and, for some
milliseconds, not yet for this topic.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import structlog
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from consumers.cluster.clients import make_admin, make_consumer
from consumers.cluster.records import OutgoingRecord, TopicPartition
from sentiment.errors import BrokerUnavailable
from sentiment.settings import Settings
from sentiment.spikes.segment import SpikeConfig
from sentiment.spikes.segment_state import decode_segment, decode_stream, encode_state
from sentiment.spikes.stream import StreamMonitor

_log = structlog.get_logger(__name__)

STREAM_KEY = b"\xffstream"
"""Not UTF-8, so no segment can have it."""

_MARGIN_S = 15.0


class AlertStateStore:
    """Reads and writes the states of one results topic."""

    def __init__(self, settings: Settings, config: SpikeConfig) -> None:
        self._settings = settings
        self._topic = settings.topics.alert_state
        self._config = config
        # An open transaction of a killed worker is aborted by the broker after this time; then the end is readable.
        self._deadline_s = settings.kafka.transaction_timeout_ms / 1000 + _MARGIN_S

    def load(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, StreamMonitor]:
        """The monitors of these partitions of the results as they were last committed; new ones where there is none.

        Raises:
            BrokerUnavailable: the state could not be read to its end.
            InputError: a record is not a state of this program.
        """
        wanted = {TopicPartition(self._topic, results.partition): results for results in partitions}
        values: dict[TopicPartition, dict[bytes, bytes]] = {partition: {} for partition in wanted}
        try:
            with closing(make_consumer(self._settings, group_id=None, max_poll_records=1_000)) as consumer:
                self._read(consumer, values)
        except KafkaError as error:
            raise BrokerUnavailable(f"the alert state cannot be read ({type(error).__name__})") from error
        monitors = {wanted[partition]: self._monitor(states) for partition, states in values.items()}
        _log.info(
            "alert_state_loaded",
            partitions=[partition.partition for partition in sorted(monitors)],
            segments=sum(len(monitor.segments) for monitor in monitors.values()),
        )
        return monitors

    def records(self, partition: int, monitor: StreamMonitor) -> list[OutgoingRecord]:
        """What must be written of a monitor's state since the last call."""
        changed = monitor.take_changed()
        values: dict[bytes, bytes | None] = {each.segment.encode(): encode_state(each) for each in changed.segments}
        values |= dict.fromkeys((name.encode() for name in changed.forgotten), None)
        if changed.stream is not None:
            values[STREAM_KEY] = encode_state(changed.stream)
        return [OutgoingRecord(self._topic, value, key=key, partition=partition) for key, value in values.items()]

    def _read(self, consumer: Any, values: dict[TopicPartition, dict[bytes, bytes]]) -> None:
        with closing(make_admin(self._settings)) as admin:
            found = admin.list_partition_offsets(dict.fromkeys(values, OffsetSpec.LATEST))
        ends = {partition: found[partition].offset for partition in values}
        consumer.assign(list(values))
        consumer.seek_to_beginning(*values)
        until = time.monotonic() + self._deadline_s
        while behind := [p for p, end in ends.items() if consumer.position(p) < end]:
            if time.monotonic() > until:
                raise BrokerUnavailable(
                    f"the alert state of partition {behind[0].partition} cannot be read to its end",
                    hint="a transaction may hang there: see kafka-transactions.sh find-hanging",
                )
            for partition, records in consumer.poll(timeout_ms=200).items():
                _apply(values[partition], records)

    def _monitor(self, values: dict[bytes, bytes]) -> StreamMonitor:
        stream = decode_stream(values.pop(STREAM_KEY)) if STREAM_KEY in values else None
        return StreamMonitor(self._config, stream, [decode_segment(value) for value in values.values()])


def _apply(values: dict[bytes, bytes], records: Iterable[Any]) -> None:
    for record in records:
        if record.value is None:
            values.pop(record.key, None)
        else:
            values[record.key] = record.value
