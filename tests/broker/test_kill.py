"""A broker that was killed (`kill -9`) and started again with the same folder: what it acknowledged is there.

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

from tests.broker.support import admin_client, consumer, new_topic, producer, read, unique
from tests.broker.wire import Wire, batch
from tests.brokers import ApacheKafka, BrokerProcess, DevBroker
from tests.waiting import wait_until

_COUNT = 200


@dataclass
class Before:
    """What was there when the broker was killed."""

    broker: BrokerProcess
    topic: str
    group: str
    reader: KafkaConsumer
    member: Any
    idempotent: tuple[int, int]
    idempotent_topic: str
    open_id: str
    open_producer: tuple[int, int]
    open_topic: str
    committed_id: str
    committed_producer: tuple[int, int]
    emptied_topic: str
    deleted_topic: str


@pytest.fixture(scope="module", params=["dev", "apache"])
def before(request: pytest.FixtureRequest) -> Iterator[Before]:
    """A broker of its own, since it is killed."""
    if request.param == "apache" and ApacheKafka.missing():
        pytest.skip(ApacheKafka.missing() or "")
    broker: BrokerProcess = DevBroker() if request.param == "dev" else ApacheKafka()
    with broker:
        state = _fill(broker)
        broker.restart()
        yield state
        state.reader.close()
        assert broker.died() is None, broker.died()


def _fill(broker: BrokerProcess) -> Before:
    topic = new_topic(broker.bootstrap, 2, {"retention.ms": "7200000"})
    with producer(broker.bootstrap, compression_type="lz4") as client:
        futures = [client.send(topic, b"%d" % number, key=b"%d" % (number % 7)) for number in range(_COUNT)]
        client.flush(timeout=60)
        assert all(future.succeeded() for future in futures)
    group, member_group = unique("group"), unique("group")
    with consumer(broker.bootstrap, topic, group_id=group, max_poll_records=50) as client:
        wait_until(lambda: client.poll(1_000), "records")
        client.commit()
    reader = KafkaConsumer(
        bootstrap_servers=broker.bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        reconnect_backoff_max_ms=500,
    )
    reader.assign([TopicPartition(topic, number) for number in range(2)])
    with Wire(broker.bootstrap) as wire:
        joined = wire.join_alone(member_group, session_timeout_ms=30_000)
        idempotent_topic = new_topic(broker.bootstrap)
        answer = wire.init_producer()
        idempotent = (answer.producer_id, answer.producer_epoch)
        wire.produce(idempotent_topic, batch([b"0"], producer=idempotent, sequence=0))
        open_topic = new_topic(broker.bootstrap)
        open_id, open_producer = _begin(wire, open_topic)
        assert wire.add_group(open_id, open_producer, open_id) == 0
        assert wire.commit_in_transaction(open_id, open_producer, open_id, (open_topic, 77)) == 0
        committed_id, committed_producer = _begin(wire, open_topic)
        assert wire.end_transaction(committed_id, committed_producer, commit=True) == 0
        emptied_topic, deleted_topic = new_topic(broker.bootstrap), new_topic(broker.bootstrap)
        for _ in range(5):
            wire.produce(emptied_topic, batch([b"x"]))
    with admin_client(broker.bootstrap) as admin:
        admin.delete_records({TopicPartition(emptied_topic, 0): 5})
        admin.delete_topics([deleted_topic])
    return Before(
        broker,
        topic,
        group,
        reader,
        (member_group, joined),
        idempotent,
        idempotent_topic,
        open_id,
        open_producer,
        open_topic,
        committed_id,
        committed_producer,
        emptied_topic,
        deleted_topic,
    )


def _begin(wire: Wire, topic: str) -> tuple[str, tuple[int, int]]:
    """A transaction with one record in `topic`, named by the transactional id."""
    transactional_id = unique("tx")
    answer = wire.init_producer(transactional_id)
    who = (answer.producer_id, answer.producer_epoch)
    assert wire.add_partition(transactional_id, who, topic) == 0
    data = batch([transactional_id.encode()], producer=who, sequence=0, transactional=True)
    assert wire.produce(topic, data, transactional_id).error_code == 0
    return transactional_id, who


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
    """A group reads on where it was."""
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
    """As they were set."""
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
    """It holds readers back as before; then its records and its offsets show together. What had committed stays so."""
    topic, transactional_id, who = before.open_topic, before.open_id, before.open_producer
    with Wire(before.broker.bootstrap) as wire:
        wire.find_coordinator(transactional_id, 1)
        assert wire.offset(topic, -1, read_committed=True)[2] == 0
        assert wire.committed(transactional_id, topic, require_stable=True)[0] == 88
        assert wire.end_transaction(transactional_id, who, commit=True) == 0
        committed = lambda: wire.committed(transactional_id, topic, require_stable=True)  # noqa: E731
        assert wait_until(lambda: committed()[0] == 0 and committed(), "the offset is stable") == (0, 77)
        assert wire.end_transaction(before.committed_id, before.committed_producer, commit=True) == 0
    values = [record.value for record in read(before.broker.bootstrap, topic, 2)]
    assert values == [transactional_id.encode(), before.committed_id.encode()]


def test_what_was_deleted_stays_deleted(before: Before) -> None:
    """A deleted topic does not come back, and offsets of deleted records are not given again.

    (Apache Kafka writes the new start of a log down once a minute only, so the records themselves may come back there.)
    """
    with admin_client(before.broker.bootstrap) as admin:
        assert before.deleted_topic not in admin.list_topics()
    with Wire(before.broker.bootstrap) as wire:
        assert wire.produce(before.emptied_topic, batch([b"y"])).base_offset == 5
