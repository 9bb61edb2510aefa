"""Records: what goes in comes out, unless it is refused with the right error."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import MessageSizeTooLargeError

from tests.broker.batches import batch
from tests.broker.support import consumer, new_topic, producer, read, unique
from tests.broker.wire import Wire
from tests.brokers import Broker
from tests.waiting import WITHIN_S


def test_everything_about_a_record_comes_back(broker: Broker) -> None:
    """Key, value, headers, timestamp, partition and order are as they were sent."""
    topic = new_topic(broker.bootstrap, partitions=2)
    sent = [
        (b"k1", b"first", [("h", b"1"), ("h", b"2")], 1_700_000_000_123),
        (None, b"no key", [], 1_600_000_000_000),
        (b"k3", None, [("empty", b"")], 1_650_000_000_000),
        (b"", b"", [], 1_700_000_000_124),
    ]
    with producer(broker.bootstrap) as client:
        for key, value, headers, timestamp_ms in sent:
            client.send(topic, value, key=key, headers=headers, timestamp_ms=timestamp_ms, partition=1).get(WITHIN_S)
    records = read(broker.bootstrap, topic, len(sent), partitions=2)
    assert [(r.key, r.value, list(r.headers), r.timestamp) for r in records] == sent
    assert [(r.partition, r.offset, r.timestamp_type) for r in records] == [(1, offset, 0) for offset in range(4)]


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
def test_compressed_batches_come_back(broker: Broker, codec: str) -> None:
    """With every codec (snappy: test_confluent.py)."""
    topic = new_topic(broker.bootstrap)
    values = [b"value %d " % number * 50 for number in range(200)]
    with producer(broker.bootstrap, compression_type=codec, linger_ms=20) as client:
        futures = [client.send(topic, value) for value in values]
        client.flush(timeout=WITHIN_S)
    assert [future.get(0).offset for future in futures] == list(range(200))
    assert [record.value for record in read(broker.bootstrap, topic, 200)] == values


def test_the_broker_can_stamp_records(broker: Broker) -> None:
    """With message.timestamp.type=LogAppendTime the broker's time replaces the producer's."""
    topic = new_topic(broker.bootstrap, configs={"message.timestamp.type": "LogAppendTime"})
    before_ms = int(time.time() * 1000)
    with producer(broker.bootstrap) as client:
        client.send(topic, b"old", timestamp_ms=1_000).get(WITHIN_S)
    (record,) = read(broker.bootstrap, topic, 1)
    assert record.timestamp_type == 1
    assert before_ms - 1000 <= record.timestamp <= time.time() * 1000 + 1000


def test_records_without_a_timestamp_stay_without_one(broker: Broker) -> None:
    """-1 is read as it was sent, alone and among others, and retention does not take it for very old."""
    topic = new_topic(broker.bootstrap, configs={"retention.ms": "3600000"})
    now_ms = int(time.time() * 1000)
    with Wire(broker.bootstrap) as wire:
        for times in ([-1], [-1, now_ms], [now_ms, -1]):
            assert wire.produce(topic, batch([b"value"] * len(times), timestamp_ms=times)).error_code == 0
    records = read(broker.bootstrap, topic, 5)
    assert [(record.timestamp, record.timestamp_type) for record in records] == [
        (-1, 0), (-1, 0), (now_ms, 0), (now_ms, 0), (-1, 0),
    ]  # fmt: skip
    stamped = new_topic(broker.bootstrap, configs={"message.timestamp.type": "LogAppendTime"})
    with Wire(broker.bootstrap) as wire:
        assert wire.produce(stamped, batch([b"value"], timestamp_ms=-1)).error_code == 0
    (record,) = read(broker.bootstrap, stamped, 1)
    assert record.timestamp >= now_ms - 1000


def test_too_large_a_batch_is_refused(broker: Broker) -> None:
    """A batch above max.message.bytes is MESSAGE_TOO_LARGE, and one at the topic's higher limit is taken."""
    small = new_topic(broker.bootstrap)
    large = new_topic(broker.bootstrap, configs={"max.message.bytes": "6000000"})
    value = b"x" * 5_000_000
    for topic in (small, large):
        with producer(broker.bootstrap, max_request_size=8_000_000) as client:
            sent = client.send(topic, value)
            if topic == small:
                with pytest.raises(MessageSizeTooLargeError):
                    sent.get(WITHIN_S)
            else:
                assert sent.get(WITHIN_S).offset == 0
    with consumer(broker.bootstrap, large) as client:
        (records,) = client.poll(30_000).values()
    assert [record.value for record in records] == [value]


def test_a_damaged_batch_is_refused(broker: Broker) -> None:
    """One flipped bit is CORRUPT_MESSAGE and nothing is appended; the connection goes on."""
    topic = new_topic(broker.bootstrap)
    data = bytearray(batch([b"value"]))
    data[-3] ^= 1
    with Wire(broker.bootstrap) as wire:
        assert wire.produce(topic, bytes(data)).error_code == 2
        assert wire.offset(topic, -1) == (0, -1, 0)
        assert wire.produce(topic, batch([b"value"])).base_offset == 0


def test_records_from_the_future_are_refused(broker: Broker) -> None:
    """A timestamp more than an hour ahead is INVALID_TIMESTAMP."""
    topic = new_topic(broker.bootstrap)
    with Wire(broker.bootstrap) as wire:
        data = batch([b"value"], timestamp_ms=int(time.time() * 1000) + 2 * 3600 * 1000)
        assert wire.produce(topic, data).error_code == 32


def test_an_unknown_topic_is_an_error(broker: Broker) -> None:
    """Producing to, fetching from and listing an unknown topic or partition is UNKNOWN_TOPIC_OR_PARTITION."""
    topic = unique("nothing")
    known = new_topic(broker.bootstrap)
    with Wire(broker.bootstrap) as wire:
        assert wire.produce(topic, batch([b"value"])).error_code == 3
        assert wire.produce(known, batch([b"value"]), partition=7).error_code == 3
        assert wire.fetch(topic, 0).error_code == 3
        assert wire.offset(topic, -1)[0] == 3


def test_a_fetch_outside_the_log_is_an_error(broker: Broker) -> None:
    """An offset after the end is OFFSET_OUT_OF_RANGE; at the end there is just nothing yet."""
    topic = new_topic(broker.bootstrap)
    with Wire(broker.bootstrap) as wire:
        wire.produce(topic, batch([b"value"]))
        assert wire.fetch(topic, 2).error_code == 1
        answer = wire.fetch(topic, 1)
        assert (answer.error_code, bytes(answer.records or b""), answer.high_watermark) == (0, b"", 1)


def test_a_waiting_fetch_is_woken_by_a_record(broker: Broker) -> None:
    """A fetch that waits for its first byte is answered with the record that comes, not empty."""
    topic = new_topic(broker.bootstrap)
    answers: list[Any] = []
    with Wire(broker.bootstrap) as reader, Wire(broker.bootstrap) as writer:
        request = reader.fetch_request(topic, 0, max_wait_ms=600_000, min_bytes=1)
        reader.send(request, 11)
        waiter = threading.Thread(target=lambda: answers.append(reader.receive(request, 11)))
        waiter.start()
        writer.produce(topic, batch([b"value"]))
        waiter.join(WITHIN_S)
        assert not waiter.is_alive()
    assert len(answers[0].responses[0].partitions[0].records) > 0


def test_reading_can_start_anywhere(broker: Broker) -> None:
    """Seeking to an offset inside a batch gives the records from there on."""
    topic = new_topic(broker.bootstrap)
    with Wire(broker.bootstrap) as wire:
        for start in range(0, 50, 10):
            wire.produce(topic, batch([b"%d" % number for number in range(start, start + 10)]))
    with consumer(broker.bootstrap) as client:
        partition = TopicPartition(topic, 0)
        client.assign([partition])
        client.seek(partition, 27)
        values: list[bytes] = []
        while len(values) < 23:
            for records in client.poll(5_000).values():
                values += [record.value for record in records]
    assert values == [b"%d" % number for number in range(27, 50)]
