"""The reader without a group returns committed records between the start and the end that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from kafka import KafkaProducer

from consumers.cluster.clients import make_producer
from consumers.cluster.lookup import ClusterLookup
from consumers.cluster.reader import CommittedReader, ReadingStalledError, read_to_end
from consumers.cluster.records import OutgoingRecord, TopicPartition
from consumers.cluster.transaction import TransactionalProducer
from sentiment.errors import BrokerUnavailable
from sentiment.settings import Settings, load_settings
from tests.broker.batches import batch
from tests.brokers import Broker, DevBroker
from tests.consumers.kafka_io import new_topic, produce
from tests.damage import store
from tests.waiting import WITHIN_S


def settings_for(broker: Broker) -> Settings:
    kafka = {"bootstrap_servers": broker.bootstrap, "transaction_timeout_ms": 10_000}
    return load_settings(None, {"kafka": kafka})


@contextmanager
def open_transaction(settings: Settings, topic: str, value: bytes) -> Iterator[KafkaProducer]:
    """Write a record to partition 0 without committing it. It is aborted at the end."""
    with closing(make_producer(settings, transactional_id=f"{topic}.open")) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, value, partition=0).get(timeout=WITHIN_S)
        yield producer
        producer.abort_transaction()


def values(reader: CommittedReader, ends: dict[TopicPartition, int], patience_s: float = 30.0) -> list[bytes | None]:
    return [record.value for record in reader.read_to(ends, patience_s=patience_s)]


def test_reading_to_the_end_gives_every_committed_record_once(broker: Broker) -> None:
    """Records come from all partitions of all topics, in the order of each partition."""
    settings = settings_for(broker)
    topics = [new_topic(broker.bootstrap, "read", partitions) for partitions in (1, 3)]
    for topic in topics:
        produce(broker.bootstrap, topic, [(f"k{n}".encode(), f"{topic} {n:03}".encode()) for n in range(300)])
    found = list(read_to_end(settings, *topics))
    assert sorted(str(record.value) for record in found) == sorted(
        str(f"{topic} {n:03}".encode()) for topic in topics for n in range(300)
    )
    for partition in {(record.topic, record.partition) for record in found}:
        offsets = [record.offset for record in found if (record.topic, record.partition) == partition]
        assert offsets == list(range(len(offsets)))


def test_chosen_partitions_are_read_between_two_offsets(dev_broker: DevBroker) -> None:
    """Reading starts at the given offset or the beginning, and stops before the given end."""
    topic = new_topic(dev_broker.bootstrap, "read", 3)
    settings = settings_for(dev_broker)
    with closing(TransactionalProducer.open(settings, topic)) as producer:
        producer.commit([OutgoingRecord(topic, b"%d" % n, partition=n % 3) for n in range(30)])
    first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
    with closing(CommittedReader(settings)) as reader:
        reader.seek({first: 2, second: None})
        assert sorted(values(reader, {first: 4, second: 1})) == [b"1", b"6", b"9"]
        reader.seek({first: 9})
        assert values(reader, {first: 10}) == [b"27"]
        assert values(reader, {}) == []


def test_an_open_transaction_stalls_the_reader_and_is_named(broker: Broker) -> None:
    """Committed records before it are returned. Reading to the end of the log then fails, and names the position."""
    topic = new_topic(broker.bootstrap, "stalled", 1)
    settings = settings_for(broker)
    produce(broker.bootstrap, topic, [(None, b"committed")])
    partition = TopicPartition(topic, 0)
    with (
        open_transaction(settings, topic, b"open"),
        closing(ClusterLookup(settings)) as lookup,
        closing(CommittedReader(settings)) as reader,
    ):
        reader.follow(topic)
        assert values(reader, reader.ends()) == [b"committed"]
        assert reader.at_end()
        with pytest.raises(ReadingStalledError, match=f"{topic}/0 cannot be read to its end: at 1 of 2"):
            values(reader, lookup.log_ends([partition]), patience_s=0.5)


def test_an_aborted_end_is_an_end(broker: Broker) -> None:
    """The reader passes an aborted record at the end without returning it."""
    topic = new_topic(broker.bootstrap, "aborted", 1)
    settings = settings_for(broker)
    produce(broker.bootstrap, topic, [(None, b"committed")])
    with open_transaction(settings, topic, b"aborted"):
        pass
    with closing(ClusterLookup(settings)) as lookup, closing(CommittedReader(settings)) as reader:
        reader.follow(topic)
        ends = lookup.log_ends([TopicPartition(topic, 0)])
        assert ends == {TopicPartition(topic, 0): 3}
        assert values(reader, ends) == [b"committed"]


def test_a_cluster_that_is_gone_is_said() -> None:
    """The error names the address."""
    kafka = {"bootstrap_servers": "127.0.0.1:1", "request_timeout_ms": 1_000}
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1"):
        CommittedReader(load_settings(None, {"kafka": kafka}))


def test_a_null_header_stays_null(broker: Broker) -> None:
    """A record keeps it as None, and is sent with it again, though the client refuses that."""
    topic = new_topic(broker.bootstrap, "headers", 1)
    settings = settings_for(broker)
    store(broker, topic, batch([b"v"], keys=[b"k"], headers=[[("given", b"x"), ("null", None)]]))
    (record,) = read_to_end(settings, topic)
    assert record.headers == (("given", b"x"), ("null", None))
    assert record.n_bytes == len(b"k" + b"v" + b"given" + b"x" + b"null")
    with closing(TransactionalProducer.open(settings, topic)) as producer:
        producer.commit([OutgoingRecord(topic, b"v", headers=record.headers)])
    _, copied = read_to_end(settings, topic)
    assert copied.headers == record.headers
