"""The same promises, tested with a second client: confluent-kafka (librdkafka)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.broker.support import new_topic, unique
from tests.brokers import Broker
from tests.waiting import WITHIN_S, wait_until


def _transactional(bootstrap: str, transactional_id: str) -> Producer:
    client = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id, "linger.ms": 1})
    client.init_transactions(WITHIN_S)
    return client


@contextlib.contextmanager
def _consumer(bootstrap: str, **options: Any) -> Iterator[Consumer]:
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": unique("group"),
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "partition.assignment.strategy": "cooperative-sticky",
        "heartbeat.interval.ms": 200,
        **{name.replace("_", "."): value for name, value in options.items()},
    }
    client = Consumer(settings)
    try:
        yield client
    finally:
        client.close()


def _values(bootstrap: str, topic: str, isolation: str = "read_committed") -> list[bytes]:
    """Everything in partition 0, up to its end."""
    with _consumer(bootstrap, isolation_level=isolation) as client:
        client.assign([TopicPartition(topic, 0, 0)])
        values: list[bytes] = []

        def at_end() -> bool:
            message = client.poll(1)
            if message is not None and message.error() is None:
                values.append(message.value())
            return message is not None and message.error() is not None

        wait_until(at_end, f"the end of {topic}")
        return values


def test_records_come_back(broker: Broker) -> None:
    """Key, value, headers and timestamp, compressed or not."""
    topic = new_topic(broker.bootstrap)
    for codec in ("none", "gzip", "lz4", "zstd", "snappy"):
        client = Producer(
            {"bootstrap.servers": broker.bootstrap, "compression.type": codec, "enable.idempotence": True}
        )
        client.produce(topic, codec.encode(), key=b"k", headers=[("h", b"1")], timestamp=1_700_000_000_000)
        assert client.flush(WITHIN_S) == 0
    with _consumer(broker.bootstrap) as reader:
        reader.subscribe([topic])
        messages: list[Any] = []

        def complete() -> bool:
            messages.extend(each for each in reader.consume(10, 0.5) if each.error() is None)
            return len(messages) == 5

        wait_until(complete, "five records")
    assert [each.value() for each in messages] == [b"none", b"gzip", b"lz4", b"zstd", b"snappy"]
    assert {(each.key(), tuple(each.headers()), each.timestamp()[1]) for each in messages} == {
        (b"k", (("h", b"1"),), 1_700_000_000_000)
    }


def test_transactions_commit_and_abort(broker: Broker) -> None:
    """Each isolation level sees what it should."""
    topic = new_topic(broker.bootstrap)
    client = _transactional(broker.bootstrap, unique("tx"))
    for number in range(4):
        client.begin_transaction()
        client.produce(topic, b"%d" % number)
        client.flush(WITHIN_S)
        if number % 2:
            client.abort_transaction(WITHIN_S)
        else:
            client.commit_transaction(WITHIN_S)
    assert _values(broker.bootstrap, topic) == [b"0", b"2"]
    assert _values(broker.bootstrap, topic, "read_uncommitted") == [b"0", b"1", b"2", b"3"]


def test_consume_transform_produce(broker: Broker) -> None:
    """Records and the offsets of their sources commit together, and an abort undoes both."""
    source, target, group = new_topic(broker.bootstrap), new_topic(broker.bootstrap), unique("group")
    plain = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(6):
        plain.produce(source, b"%d" % number)
    assert plain.flush(WITHIN_S) == 0
    client = _transactional(broker.bootstrap, unique("tx"))
    for commit in (False, True):
        with _consumer(broker.bootstrap, group_id=group, isolation_level="read_committed") as reader:
            reader.subscribe([source])
            messages: list[Any] = []

            def complete(reader: Consumer = reader, messages: list[Any] = messages) -> bool:
                messages.extend(each for each in reader.consume(10, 0.5) if each.error() is None)
                return len(messages) == 6

            wait_until(complete, "six records")
            client.begin_transaction()
            for message in messages:
                client.produce(target, b"scored " + message.value())
            client.send_offsets_to_transaction(
                [TopicPartition(source, 0, messages[-1].offset() + 1)], reader.consumer_group_metadata(), WITHIN_S
            )
            if commit:
                client.commit_transaction(WITHIN_S)
                (position,) = reader.committed([TopicPartition(source, 0)], WITHIN_S)
                assert position.offset == 6
            else:
                client.abort_transaction(WITHIN_S)
    assert _values(broker.bootstrap, target) == [b"scored %d" % number for number in range(6)]


def test_a_zombie_is_fenced(broker: Broker) -> None:
    """The older producer of a transactional id gets a fatal error and its records stay hidden."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    old = _transactional(broker.bootstrap, transactional_id)
    old.begin_transaction()
    old.produce(topic, b"zombie")
    old.flush(WITHIN_S)
    new = _transactional(broker.bootstrap, transactional_id)
    new.begin_transaction()
    new.produce(topic, b"new")
    new.commit_transaction(WITHIN_S)
    with pytest.raises(KafkaException) as raised:
        old.commit_transaction(WITHIN_S)
    assert raised.value.args[0].fatal()
    assert _values(broker.bootstrap, topic) == [b"new"]


def test_a_cooperative_group_shares_the_partitions(broker: Broker) -> None:
    """Two members have all partitions between them; when one leaves, the other has all."""
    topic, group = new_topic(broker.bootstrap, 4), unique("group")
    with _consumer(broker.bootstrap, group_id=group) as one:
        one.subscribe([topic])
        with _consumer(broker.bootstrap, group_id=group) as two:
            two.subscribe([topic])

            def shared() -> bool:
                one.poll(0.05)
                two.poll(0.05)
                shares = [{each.partition for each in client.assignment()} for client in (one, two)]
                return all(shares) and sorted([*shares[0], *shares[1]]) == [0, 1, 2, 3]

            wait_until(shared, "both have a share")

        def alone() -> bool:
            one.poll(0.05)
            return {each.partition for each in one.assignment()} == {0, 1, 2, 3}

        wait_until(alone, "the one that stayed has all")
