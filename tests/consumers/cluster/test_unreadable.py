"""No record stops a reader: what cannot be read is stepped over, and said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords

from consumers.cluster.client_internals import MAX_BATCH_BYTES, bound_decompression
from consumers.cluster.polling import SafePartitionRecords, Watcher
from consumers.cluster.reader import read_to_end
from consumers.cluster.records import Record, RecordBatch, TopicPartition
from consumers.cluster.safe_batches import Fault
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.metrics import Metrics
from consumers.runtime.unit import Unit
from sentiment.cli.tail_lines import line_renderer
from sentiment.settings import Settings, TopicSettings, load_settings
from tests.broker.batches import at_offset, batch, signed, with_odd_header
from tests.brokers import Broker
from tests.consumers.kafka_io import new_topic
from tests.damage import flip_stored_byte, store

PARTITION = TopicPartition("topic", 0)
BEFORE = at_offset(batch([b"before"]), 0)
AFTER = at_offset(batch([b"after"]), 6)
_HEADER_BYTES = 61
_MIDDLE = batch([b"one", b"two", b"three", b"four", b"five"], keys=[b"key"] * 5, headers=[[("name", b"content")]] * 5)


def settings_for(broker: Broker) -> Settings:
    return load_settings(None, {"kafka": {"bootstrap_servers": broker.bootstrap}})


def fetched(data: bytes, *, offset: int = 0, watcher: Watcher | None = None) -> SafePartitionRecords:
    """One fetch from `offset`."""
    bound_decompression()
    return SafePartitionRecords(
        offset,
        PARTITION,
        MemoryRecords(data),
        isolation_level=IsolationLevel.READ_COMMITTED,
        watcher=watcher or Watcher(lambda: 0.0),
    )


def decoded(data: bytes, *, offset: int = 0, watcher: Watcher | None = None) -> tuple[list[Any], int]:
    """The records of one fetch from `offset`, and the offset of the next fetch."""
    records = fetched(data, offset=offset, watcher=watcher)
    return records.take(None), records.next_fetch_offset


def faults(records: list[Any]) -> dict[int, str]:
    return {record.offset: str(record.checksum) for record in records if isinstance(record.checksum, Fault)}


def test_a_header_name_that_is_not_utf8_comes_escaped(broker: Broker) -> None:
    """The record and all around it are read, with every header."""
    topic = new_topic(broker.bootstrap, "odd", 1)
    store(broker, topic, with_odd_header([b"a", b"b", b"c"], 1))
    records = list(read_to_end(settings_for(broker), topic))
    assert [(record.offset, record.key, record.value) for record in records] == [
        (0, b"k", b"a"), (1, b"k", b"b"), (2, b"k", b"c"),
    ]  # fmt: skip
    assert [record.headers for record in records] == [
        (("plain", b""),), (("\\xffname", b"content"),), (("plain", b""),),
    ]  # fmt: skip
    assert {record.fault for record in records} == {None}


def test_a_stored_batch_that_was_damaged_is_stepped_over_and_named(
    broker: Broker, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    """Its checksum is wrong at every fetch. The batches before and after it are read."""
    topic = new_topic(broker.bootstrap, "damaged", 1)
    store(broker, topic, batch([b"first"]), batch([f"{topic} lost".encode(), b"lost as well"]), batch([b"last"]))
    flip_stored_byte(broker, f"{topic} lost".encode())
    records = list(read_to_end(settings_for(broker), topic))
    assert [(record.offset, record.value) for record in records] == [(0, b"first"), (2, None), (3, b"last")]
    why = "offsets 1 to 2 cannot be read: the checksum of its batch is wrong"
    assert [record.fault for record in records] == [None, why, None]
    (line,) = [each for each in logged() if each["event"] == "record_unreadable"]
    assert (line["topic"], line["partition"], line["offset"], line["reason"]) == (topic, 0, 2, why)


def test_a_wrong_checksum_is_believed_at_the_second_fetch_only() -> None:
    """The first time, only the transfer may have been at fault."""
    broken = BEFORE[:-2] + b"!" + BEFORE[-1:]
    watcher = Watcher(lambda: 0.0)
    assert decoded(broken + AFTER, watcher=watcher) == ([], 0)
    records, after = decoded(broken + AFTER, watcher=watcher)
    assert faults(records) == {0: "offset 0 cannot be read: the checksum of its batch is wrong"}
    assert (len(records), after) == (1, 1)
    assert watcher.suspects == set()


def test_one_damaged_record_costs_only_itself() -> None:
    """Where its end is known, the others of its batch are read."""
    length_of_key = _MIDDLE.index(b"\x06key", _MIDDLE.index(b"two") - 8)
    data = signed(_MIDDLE[:length_of_key] + b"\x7c" + _MIDDLE[length_of_key + 1 :])
    records, after = decoded(BEFORE + at_offset(data, 1) + AFTER)
    assert [record.value for record in records] == [b"before", b"one", None, b"three", b"four", b"five", b"after"]
    assert faults(records) == {2: "offset 2 cannot be read: the record is damaged"}
    assert after == 7


def test_a_batch_that_cannot_be_decompressed_costs_only_itself() -> None:
    """One fault stands for all of its offsets, also for a reader that starts in its middle."""
    data = batch([b"text" * 50] * 5, codec=1)
    data = at_offset(signed(data[:_HEADER_BYTES] + b"\x00" * (len(data) - _HEADER_BYTES)), 1)
    records, after = decoded(BEFORE + data + AFTER)
    assert [record.value for record in records] == [b"before", None, b"after"]
    assert faults(records) == {
        5: "offsets 1 to 5 cannot be read: its batch cannot be decompressed: the data is damaged"
    }
    assert after == 7
    assert list(faults(decoded(data + AFTER, offset=3)[0])) == [5]


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_a_batch_that_is_too_long_decompressed_costs_only_itself(codec: int) -> None:
    """A few kilobytes do not become gigabytes. The fault says how much is too much."""
    bomb = at_offset(batch([bytes(MAX_BATCH_BYTES)], codec=codec), 1)
    assert len(bomb) < MAX_BATCH_BYTES // 10
    records, after = decoded(BEFORE + bomb + at_offset(AFTER, 2), offset=0)
    assert [record.value for record in records] == [b"before", None, b"after"]
    assert faults(records) == {
        1: f"offset 1 cannot be read: its batch cannot be decompressed: more than {MAX_BATCH_BYTES} bytes decompressed"
    }
    assert after == 3


def test_a_record_of_millions_of_headers_costs_only_itself() -> None:
    """A header takes two bytes in the batch, and much more in memory."""
    headers = [[("n", b"1")], [("", None)] * 600_000, [("n", b"1")]]
    records, after = decoded(batch([b"one", b"two", b"three"], headers=headers, codec=4))
    assert [record.value for record in records] == [b"one", None, b"three"]
    assert faults(records) == {1: "offset 1 cannot be read: the record is damaged"}
    assert after == 3


def test_a_poll_returns_no_more_bytes_than_it_should() -> None:
    """What is compressed well does not come all at once, and nothing is skipped."""
    watcher = Watcher(lambda: 0.0)
    packed = batch([bytes(3 << 20)] * 5, codec=4)
    records = fetched(b"".join(at_offset(packed, offset) for offset in (0, 5, 10)), watcher=watcher)
    taken = []
    while records:
        watcher.n_bytes = 0
        taken.append([record.offset for record in records.take(500)])
    assert taken == [list(range(6)), list(range(6, 12)), list(range(12, 15))]


def test_a_missing_codec_is_no_damage(
    monkeypatch: pytest.MonkeyPatch, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    """What another machine could read is not given up: reading stops before it, and the log says what is missing."""
    data = BEFORE + at_offset(batch([b"text" * 50], codec=4), 1) + AFTER
    watcher = Watcher(lambda: 0.0)
    with monkeypatch.context() as patch:
        patch.setattr("kafka.codec.has_zstd", lambda: False)
        records, after = decoded(data, watcher=watcher)
        assert ([record.value for record in records], after) == ([b"before"], 1)
        assert decoded(data, offset=1, watcher=watcher) == ([], 1)
    assert watcher.obstacles.left_alone(0.0) == {PARTITION}
    assert "zstd" in watcher.obstacles.lasting()[PARTITION].message
    for line in logged():
        assert (line["event"], line["topic"], line["partition"], line["offset"]) == (
            "partition_not_readable", "topic", 0, 1,
        )  # fmt: skip
        assert "zstd" in line["reason"]
        assert "install" in line["remedy"]
    records, after = decoded(data, offset=1, watcher=watcher)
    assert ([record.value for record in records], after) == ([b"text" * 50, b"after"], 7)
    assert watcher.obstacles.lasting() == {}


@given(st.data())
def test_whatever_a_batch_holds_every_other_batch_is_read(data: st.DataObject) -> None:
    """Random bytes in a batch never raise, never go back, and every offset is read or named as lost."""
    changed = bytearray(_MIDDLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.one_of(st.integers(_HEADER_BYTES, len(changed) - 1), st.integers(57, 60)))
        changed[at] = data.draw(st.integers(0, 255))
    records, after = decoded(BEFORE + at_offset(signed(bytes(changed)), 1) + AFTER)
    offsets = [record.offset for record in records]
    assert (records[0].value, records[-1].value, after) == (b"before", b"after", 7)
    assert offsets == sorted(set(offsets))
    if not faults(records):
        assert offsets == list(range(7))


def test_a_record_that_could_not_be_read_is_shown_and_counted() -> None:
    """`tail` says so instead of showing an empty record. Each worker counts it by topic when it is committed."""
    lost = Record("odd", 0, 5, -1, None, None, fault="offset 5 cannot be read: it is a test")
    for raw in (False, True):
        line = line_renderer(TopicSettings(), "odd", as_json=False, raw=raw)(lost)
        assert "unreadable: offset 5 cannot be read: it is a test" in line
    metrics = Metrics()
    unit = Unit((), {PARTITION: 6}, (RecordBatch({PARTITION: (lost,)}),))
    LoopMetrics(metrics).committed(unit, datetime(2026, 3, 1, tzinfo=UTC), 0.1, 1.0)
    assert metrics.registry.get_sample_value("sentiment_damaged_records_total", {"topic": "odd"}) == 1


def test_a_tombstone_is_counted_and_shown_as_one() -> None:
    """Each worker counts it by topic. `tail` says what it is; one in the dead-letter topic is a dead letter."""
    topics = TopicSettings()
    gone = Record(topics.sentiment, 0, 5, 1_750_000_000_000, b"k", None)
    assert "tombstone" in line_renderer(topics, topics.sentiment, as_json=False, raw=False)(gone)
    assert '"tombstone":true' in line_renderer(topics, topics.sentiment, as_json=True, raw=False)(gone)
    assert "tombstone" not in line_renderer(topics, topics.dead_letter, as_json=False, raw=False)(gone)
    metrics = Metrics()
    unit = Unit((), {PARTITION: 6}, (RecordBatch({PARTITION: (gone,)}),))
    LoopMetrics(metrics).committed(unit, datetime(2026, 3, 1, tzinfo=UTC), 0.1, 1.0)
    counted = metrics.registry.get_sample_value("sentiment_tombstones_total", {"topic": topics.sentiment})
    assert (counted, metrics.registry.get_sample_value("sentiment_damaged_records_total", {"topic": "odd"})) == (
        1,
        None,
    )
