"""Reading continues in a partition that was paused in the middle of a fetch."""

from __future__ import annotations

from consumers.cluster.client_internals import free_read_out_slot
from consumers.cluster.clients import make_consumer
from consumers.cluster.records import TopicPartition
from sentiment.settings import load_settings
from tests.broker.support import new_topic, producer
from tests.brokers import Broker
from tests.waiting import wait_until


def test_records_set_aside_by_a_pause_come_after_it(broker: Broker) -> None:
    """Every record comes once, even if another partition was read to its end during the pause."""
    topic = new_topic(broker.bootstrap, 2)
    with producer(broker.bootstrap) as client:
        for number in range(20):
            client.send(topic, b"%d" % number, partition=number % 2)
        client.flush()
    settings = load_settings(None, {"kafka": {"bootstrap_servers": broker.bootstrap}})
    consumer = make_consumer(settings, group_id=None, max_poll_records=3)
    both = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    seen: list[tuple[int, int]] = []

    def read() -> int:
        free_read_out_slot(consumer)
        seen.extend((r.partition, r.offset) for records in consumer.poll(200).values() for r in records)
        return len(seen)

    consumer.assign(both)
    consumer.seek_to_beginning(*both)
    try:
        wait_until(lambda: read() > 0, "a first part of a fetch")
        paused, other = seen[0][0], 1 - seen[0][0]
        consumer.pause(both[paused])
        wait_until(lambda: read() and (other, 9) in seen, "the end of the other partition")
        consumer.resume(both[paused])
        wait_until(lambda: read() == 20, "the rest of the paused partition")
    finally:
        consumer.close()
    assert sorted(seen) == [(partition, offset) for partition in (0, 1) for offset in range(10)]
