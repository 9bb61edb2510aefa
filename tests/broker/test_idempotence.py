"""Idempotent producers: a repeated batch is stored once, a gap is refused, an old epoch is fenced."""

from __future__ import annotations

from tests.broker.batches import batch
from tests.broker.support import new_topic, producer, read
from tests.broker.wire import Wire
from tests.brokers import Broker
from tests.waiting import WITHIN_S


def test_a_repeated_batch_is_stored_once(broker: Broker) -> None:
    """Each of the last five batches, sent again, gets its first offset again."""
    topic = new_topic(broker.bootstrap)
    with Wire(broker.bootstrap) as wire:
        who = wire.new_producer()
        sent = [batch([b"a", b"b"], producer=who, sequence=2 * number) for number in range(5)]
        assert [wire.produce(topic, data).base_offset for data in sent] == [0, 2, 4, 6, 8]
        again = [wire.produce(topic, data) for data in sent]
        assert [(each.error_code, each.base_offset) for each in again] == [(0, offset) for offset in (0, 2, 4, 6, 8)]
        assert wire.offset(topic, -1)[2] == 10


def test_a_gap_in_the_sequence_is_refused(broker: Broker) -> None:
    """A batch that does not follow the last one is OUT_OF_ORDER_SEQUENCE_NUMBER and is not stored."""
    topic = new_topic(broker.bootstrap)
    with Wire(broker.bootstrap) as wire:
        who = wire.new_producer()
        assert wire.produce(topic, batch([b"0"], producer=who, sequence=0)).error_code == 0
        assert wire.produce(topic, batch([b"2"], producer=who, sequence=2)).error_code == 45
        assert wire.produce(topic, batch([b"1"], producer=who, sequence=1)).base_offset == 1


def test_a_newer_epoch_fences_the_older(broker: Broker) -> None:
    """A new epoch starts at sequence 0, and after it the old one is INVALID_PRODUCER_EPOCH."""
    topic = new_topic(broker.bootstrap)
    with Wire(broker.bootstrap) as wire:
        producer_id = wire.init_producer().producer_id
        assert wire.produce(topic, batch([b"0"], producer=(producer_id, 0), sequence=0)).error_code == 0
        assert wire.produce(topic, batch([b"x"], producer=(producer_id, 1), sequence=5)).error_code == 45
        assert wire.produce(topic, batch([b"1"], producer=(producer_id, 1), sequence=0)).error_code == 0
        assert wire.produce(topic, batch([b"y"], producer=(producer_id, 0), sequence=1)).error_code == 47


def test_producer_ids_are_never_given_twice(broker: Broker) -> None:
    """Every idempotent producer gets its own."""
    with Wire(broker.bootstrap) as wire:
        ids = [wire.init_producer().producer_id for _ in range(20)]
    assert len(set(ids)) == 20


def test_the_idempotent_client_works(broker: Broker) -> None:
    """Many small batches in flight arrive once each, in order."""
    topic = new_topic(broker.bootstrap)
    with producer(broker.bootstrap, enable_idempotence=True, batch_size=200, linger_ms=0) as client:
        futures = [client.send(topic, b"%d" % number) for number in range(500)]
        client.flush(timeout=WITHIN_S)
    assert [future.get(0).offset for future in futures] == list(range(500))
    assert [int(record.value) for record in read(broker.bootstrap, topic, 500)] == list(range(500))
