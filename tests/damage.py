"""Batches as no client sends them, and damage to what a running broker has stored."""

from __future__ import annotations

from tests.broker.wire import Wire
from tests.brokers import Broker
from tests.waiting import wait_until


def store(broker: Broker, topic: str, *batches: bytes) -> None:
    """Produce these batches to partition 0, in this order, as they are."""
    with Wire(broker.bootstrap) as wire:
        for data in batches:
            # Apache Kafka says that a topic is there before its partitions have a leader; then nothing is stored.
            wait_until(lambda data=data: wire.produce(topic, data).error_code == 0, f"a batch in {topic}")


def flip_stored_byte(broker: Broker, value: bytes) -> None:
    """Change one byte of the record that holds `value`, which no other record holds. Its batch is not compressed."""
    found = [(path, path.read_bytes().find(value)) for path in broker.data_dir.rglob("*.log")]
    ((path, position),) = [(path, position) for path, position in found if position >= 0]
    with path.open("r+b") as file:
        file.seek(position)
        file.write(bytes([value[0] ^ 1]))
