"""The alert state in its compacted topic. Partition p holds the states of the segments in partition p of the results.

States are written in one transaction with the alerts and the offsets, so the newest committed states match the
committed offsets exactly. They are read back before the first result of an assigned partition is handled, up to the
*high watermark*: the previous owner's last transaction may be visible in the offsets some milliseconds before it is
visible in this topic.

The ids of the latest events are not part of the state. They are read back from the results themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing

import structlog

from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.reader import CommittedReader
from consumers.cluster.records import OutgoingRecord, Record, TopicPartition
from sentiment.errors import PoisonRecord
from sentiment.events import decode_scored
from sentiment.settings import Settings
from sentiment.spikes.duplicates import DUPLICATE_RESULTS
from sentiment.spikes.observations import observation
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
        # The broker aborts an open transaction of a killed worker after its timeout; then the end can be read.
        self._patience_s = settings.kafka.transaction_timeout_ms / 1000 + _MARGIN_S

    def load(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, StreamMonitor]:
        """The last committed monitors of these result partitions. A partition without one gets a new monitor.

        Raises:
            BrokerUnavailable: no answer, or the state could not be read to its end.
            InputError: a record is not a state that this program has written.
        """
        wanted = {TopicPartition(self._topic, results.partition): results for results in partitions}
        values: dict[TopicPartition, dict[bytes, bytes]] = {partition: {} for partition in wanted}
        for record in self._read(wanted):
            if record.fault is not None:
                continue  # logged; what it changed is lost
            states = values[TopicPartition(record.topic, record.partition)]
            key = record.key or b""
            if record.value is None:
                states.pop(key, None)
            else:
                states[key] = record.value
        monitors = {wanted[partition]: self._monitor(states) for partition, states in values.items()}
        self._remember_events(monitors)
        _log.info(
            "alert_state_loaded",
            partitions=[partition.partition for partition in sorted(monitors)],
            segments=sum(len(monitor.segments) for monitor in monitors.values()),
        )
        return monitors

    def records(self, partition: int, monitor: StreamMonitor) -> list[OutgoingRecord]:
        """What has changed in a monitor's state since the last call, as records to write."""
        changed = monitor.take_changed()
        values: dict[bytes, bytes | None] = {each.segment.encode(): encode_state(each) for each in changed.segments}
        values |= dict.fromkeys((name.encode() for name in changed.forgotten), None)
        if changed.stream is not None:
            values[STREAM_KEY] = encode_state(changed.stream)
        return [OutgoingRecord(self._topic, value, key=key, partition=partition) for key, value in values.items()]

    def _read(self, partitions: Collection[TopicPartition]) -> Iterator[Record]:
        with closing(ClusterLookup(self._settings)) as lookup:
            ends = lookup.log_ends(partitions)
        yield from self._records(dict.fromkeys(partitions), ends)

    def _remember_events(self, monitors: Mapping[TopicPartition, StreamMonitor]) -> None:
        """Give each monitor the events of the last results that its state includes."""
        ends = {partition: monitor.stream.next_offset for partition, monitor in monitors.items()}
        with closing(ClusterLookup(self._settings)) as lookup:
            oldest = lookup.starts(ends)
        starts = {partition: max(oldest[partition], end - DUPLICATE_RESULTS) for partition, end in ends.items()}
        wanted: dict[TopicPartition, int | None] = {p: start for p, start in starts.items() if start < ends[p]}
        if not wanted:
            return
        for record in self._records(wanted, {partition: ends[partition] for partition in wanted}):
            try:
                seen = observation(decode_scored(record.content()))
            except PoisonRecord:
                continue  # reported when it was handled
            monitors[TopicPartition(record.topic, record.partition)].remember(record.offset, seen)

    def _records(
        self, starts: Mapping[TopicPartition, int | None], ends: Mapping[TopicPartition, int]
    ) -> Iterator[Record]:
        with closing(CommittedReader(self._settings)) as reader:
            reader.seek(starts)
            yield from reader.read_to(ends, patience_s=self._patience_s)

    def _monitor(self, values: dict[bytes, bytes]) -> StreamMonitor:
        stream = decode_stream(values.pop(STREAM_KEY)) if STREAM_KEY in values else None
        return StreamMonitor(self._config, stream, [decode_segment(value) for value in values.values()])
