"""Looking up offsets: first, last, last stable, by time."""

from __future__ import annotations

from tests.broker.batches import batch
from tests.broker.support import new_topic, producer, unique
from tests.broker.wire import Wire
from tests.brokers import Broker
from tests.waiting import WITHIN_S

_LATEST, _EARLIEST, _MAX_TIMESTAMP = -1, -2, -3


def test_an_empty_log_begins_and_ends_at_0(broker: Broker) -> None:
    """And no time leads to an offset."""
    topic = new_topic(broker.bootstrap)
    with Wire(broker.bootstrap) as wire:
        assert wire.offset(topic, _EARLIEST) == (0, -1, 0)
        assert wire.offset(topic, _LATEST) == (0, -1, 0)
        assert wire.offset(topic, _MAX_TIMESTAMP) == (0, -1, -1)
        assert wire.offset(topic, 0) == (0, -1, -1)


def test_a_time_gives_the_first_record_at_or_after_it(broker: Broker) -> None:
    """In the order of offsets, also if times go back and forth."""
    topic = new_topic(broker.bootstrap)
    with producer(broker.bootstrap) as client:
        for timestamp_ms in (1000, 5000, 3000, 7000, 7000):
            client.send(topic, b"value", timestamp_ms=timestamp_ms).get(WITHIN_S)
    with Wire(broker.bootstrap) as wire:
        looked_up = {at: wire.offset(topic, at)[1:] for at in (0, 1000, 1001, 4000, 5001, 7000, 7001)}
        assert looked_up == {
            0: (1000, 0),
            1000: (1000, 0),
            1001: (5000, 1),
            4000: (5000, 1),
            5001: (7000, 3),
            7000: (7000, 3),
            7001: (-1, -1),
        }
        assert wire.offset(topic, _MAX_TIMESTAMP) == (0, 7000, 3)


def test_a_time_is_looked_up_inside_a_compressed_batch(broker: Broker) -> None:
    """The answer is the record, not the batch that holds it."""
    topic = new_topic(broker.bootstrap)
    with producer(broker.bootstrap, compression_type="gzip", linger_ms=200) as client:
        for number in range(10):
            client.send(topic, b"value", timestamp_ms=1000 + number)
        client.flush(timeout=WITHIN_S)
    with Wire(broker.bootstrap) as wire:
        assert wire.offset(topic, 1006) == (0, 1006, 6)


def test_an_open_transaction_holds_the_stable_end_back(broker: Broker) -> None:
    """Read-committed clients see the end before the transaction, others the true end; a commit brings both together."""
    topic, transactional_id = new_topic(broker.bootstrap), unique("tx")
    with Wire(broker.bootstrap) as wire:
        wire.produce(topic, batch([b"plain"], timestamp_ms=1000))
        who = wire.new_producer(transactional_id)
        assert wire.add_partition(transactional_id, who, topic) == 0
        data = batch([b"open"], producer=who, sequence=0, transactional=True, timestamp_ms=2000)
        assert wire.produce(topic, data, transactional_id).error_code == 0
        assert wire.offset(topic, _LATEST, read_committed=False)[2] == 2
        assert wire.offset(topic, _LATEST, read_committed=True)[2] == 1
        assert wire.offset(topic, 2000, read_committed=False) == (0, 2000, 1)
        assert wire.offset(topic, 2000, read_committed=True)[2] == -1
        held_back = wire.fetch(topic, 1, read_committed=True)
        assert (held_back.last_stable_offset, held_back.high_watermark, bytes(held_back.records or b"")) == (1, 2, b"")
        assert wire.end_transaction(transactional_id, who, commit=True) == 0
        wire.init_producer(transactional_id)  # waits until the transaction before is complete
        assert wire.offset(topic, _LATEST, read_committed=True)[2] == 3
