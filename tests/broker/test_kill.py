"""A broker is killed (`kill -9`) and started again with the same folder: all that it acknowledged is there.

One broker of each kind is filled, killed in the middle of transactions, and started again; each test then looks at one
thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from tests.broker.batches import batch
from tests.broker.support import admin_client, consumer, new_topic, producer, read, unique
from tests.broker.wire import Wire
from tests.brokers import ApacheKafka, Broker, DevBroker
from tests.waiting import WITHIN_S, wait_until

_COUNT = 200


@dataclass(frozen=True)
class Transaction:
    """A transaction with one record, whose value is the transactional id; `producer` is (id, epoch)."""

    transactional_id: str
    producer: tuple[int, int]


@dataclass(frozen=True)
class Before:
    """What was there when the broker was killed; `member` is (group, its answer to the join)."""

    broker: Broker
    topic: str
    group: str
    reader: KafkaConsumer
    member: tuple[str, Any]
    idempotent: tuple[int, int]
    idempotent_topic: str
    transactions_topic: str
    open: Transaction
    committed: Transaction
    emptied_topic: str
    deleted_topic: str


@pytest.fixture(scope="module", params=["dev", "apache"])
def before(request: pytest.FixtureRequest) -> Iterator[Before]:
    """A broker of its own, since it is killed."""
    if request.param == "apache" and ApacheKafka.missing():
        pytest.skip(ApacheKafka.missing() or "")
    broker: Broker = DevBroker() if request.param == "dev" else ApacheKafka()
    with broker:
        state = _fill(broker)
        broker.restart()
        yield state
        state.reader.close()
        assert broker.died() is None, broker.died()


def _fill(broker: Broker) -> Before:
    bootstrap, group = broker.bootstrap, unique("group")
    topic = new_topic(bootstrap, 2, {"retention.ms": "7200000"})
    _send_records(bootstrap, topic)
    with consumer(bootstrap, topic, group_id=group, max_poll_records=50) as client:
        wait_until(lambda: client.poll(1_000), "records")
        client.commit()
    idempotent_topic, transactions_topic, emptied_topic = (new_topic(bootstrap) for _ in range(3))
    with Wire(bootstrap) as wire:
        member_group = unique("group")
        joined = wire.join_alone(member_group, session_timeout_ms=30_000)
        idempotent = wire.new_producer()
        wire.produce(idempotent_topic, batch([b"0"], producer=idempotent, sequence=0))
        left_open, committed = _begin(wire, transactions_topic), _begin(wire, transactions_topic)
        _hold_offset(wire, left_open, transactions_topic)
        assert wire.end_transaction(committed.transactional_id, committed.producer, commit=True) == 0
    _empty(bootstrap, emptied_topic)
    return Before(
        broker,
        topic,
        group,
        _reader(bootstrap, topic),
        (member_group, joined),
        idempotent,
        idempotent_topic,
        transactions_topic,
        left_open,
        committed,
        emptied_topic,
        _deleted_topic(bootstrap),
    )


def _send_records(bootstrap: str, topic: str) -> None:
    with producer(bootstrap, compression_type="lz4") as client:
        futures = [client.send(topic, b"%d" % number, key=b"%d" % (number % 7)) for number in range(_COUNT)]
        client.flush(timeout=WITHIN_S)
        assert all(future.succeeded() for future in futures)


def _reader(bootstrap: str, topic: str) -> KafkaConsumer:
    reader = KafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest", reconnect_backoff_max_ms=500
    )
    reader.assign([TopicPartition(topic, number) for number in range(2)])
    return reader


def _begin(wire: Wire, topic: str) -> Transaction:
    transactional_id = unique("tx")
    who = wire.new_producer(transactional_id)
    assert wire.add_partition(transactional_id, who, topic) == 0
    data = batch([transactional_id.encode()], producer=who, sequence=0, transactional=True)
    assert wire.produce(topic, data, transactional_id).error_code == 0
    return Transaction(transactional_id, who)


def _hold_offset(wire: Wire, transaction: Transaction, topic: str) -> None:
    """Let the transaction move a group of the same name to offset 77."""
    name, who = transaction.transactional_id, transaction.producer
    assert wire.add_group(name, who, name) == 0
    assert wire.commit_in_transaction(name, who, name, (topic, 77)) == 0


def _empty(bootstrap: str, topic: str) -> None:
    """Write five records and delete them."""
    with Wire(bootstrap) as wire, admin_client(bootstrap) as admin:
        for _ in range(5):
            wire.produce(topic, batch([b"x"]))
        admin.delete_records({TopicPartition(topic, 0): 5})


def _deleted_topic(bootstrap: str) -> str:
    topic = new_topic(bootstrap)
    with admin_client(bootstrap) as admin:
        admin.delete_topics([topic])
    return topic


def test_records_are_there(before: Before) -> None:
    """All of them, once, in order."""
    records = read(before.broker.bootstrap, before.topic, _COUNT, partitions=2)
    assert sorted(int(record.value) for record in records) == list(range(_COUNT))
    for number in range(2):
        values = [int(record.value) for record in records if record.partition == number]
        assert values == sorted(values)


def test_a_connected_consumer_goes_on(before: Before) -> None:
    """A client from before the kill finds the broker again by itself."""
    values: list[int] = []

    def complete() -> bool:
        for records in before.reader.poll(500).values():
            values.extend(int(record.value) for record in records)
        return len(values) == _COUNT

    wait_until(complete, "all records")


def test_committed_offsets_are_there(before: Before) -> None:
    """A group continues where it was."""
    with admin_client(before.broker.bootstrap) as admin:
        offsets = admin.list_group_offsets([before.group])[before.group]
    assert sum(position.offset for position in offsets.values()) == 50


def test_members_are_still_members(before: Before) -> None:
    """A heartbeat of the same generation is accepted: no rebalance, no stale generation."""
    group, joined = before.member
    with Wire(before.broker.bootstrap) as wire:
        wire.find_coordinator(group, 0)
        wait_until(
            lambda: wire.heartbeat(group, joined.member_id, joined.generation_id) not in (14, 15, 16), "the coordinator"
        )
        assert wire.heartbeat(group, joined.member_id, joined.generation_id) == 0


def test_settings_are_there(before: Before) -> None:
    """A topic has the settings from before."""
    resource = ConfigResource(ConfigResourceType.TOPIC, before.topic)
    with admin_client(before.broker.bootstrap) as admin:
        configs = admin.describe_configs([resource])["topic"][before.topic]
    assert configs["retention.ms"]["value"] == "7200000"


def test_a_repeated_batch_is_still_recognised(before: Before) -> None:
    """A producer that did not get its answer sends again, and the record is stored once."""
    topic, who = before.idempotent_topic, before.idempotent
    with Wire(before.broker.bootstrap) as wire:
        assert wire.produce(topic, batch([b"0"], producer=who, sequence=0)).base_offset == 0
        assert wire.produce(topic, batch([b"1"], producer=who, sequence=1)).base_offset == 1
        assert wire.init_producer().producer_id != who[0]


def test_an_open_transaction_can_be_committed(before: Before) -> None:
    """It still holds readers back; then its records and its offsets show together. A commit from before stays one."""
    topic, transactional_id, earlier = before.transactions_topic, before.open.transactional_id, before.committed
    with Wire(before.broker.bootstrap) as wire:
        wire.find_coordinator(transactional_id, 1)
        assert wire.offset(topic, -1, read_committed=True)[2] == 0
        assert wire.committed(transactional_id, topic, require_stable=True)[0] == 88
        assert wire.end_transaction(transactional_id, before.open.producer, commit=True) == 0
        wait_until(
            lambda: wire.committed(transactional_id, topic, require_stable=True) == (0, 77), "the offset is stable"
        )
        assert wire.end_transaction(earlier.transactional_id, earlier.producer, commit=True) == 0
    values = [record.value for record in read(before.broker.bootstrap, topic, 2)]
    assert values == [transactional_id.encode(), earlier.transactional_id.encode()]


def test_what_was_deleted_stays_deleted(before: Before) -> None:
    """A deleted topic does not come back, and offsets of deleted records are not given again.

    (Apache Kafka stores the new start of a log once a minute only, so there the records themselves may come back.)
    """
    with admin_client(before.broker.bootstrap) as admin:
        assert before.deleted_topic not in admin.list_topics()
    with Wire(before.broker.bootstrap) as wire:
        assert wire.produce(before.emptied_topic, batch([b"y"])).base_offset == 5
