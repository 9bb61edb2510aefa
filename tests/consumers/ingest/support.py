"""What tests of the ingest share: settings for a broker, files, and an independent reader."""

from __future__ import annotations

import csv
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition

from sentiment.settings import Settings, load_settings
from tests.brokers import Broker
from tests.consumers import kafka_io
from tests.waiting import wait_until

START = datetime(2024, 3, 1, tzinfo=UTC)


class Recorded:
    """Remembers what a user would have been told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.phases: list[tuple[str, int | None, int]] = []
        self.done = 0

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """A phase begins."""
        self.phases.append((what, total, done))

    def at(self, done: int) -> None:
        """So many rows are done."""
        self.done = done

    def say(self, message: str) -> None:
        """Something worth knowing."""
        self.said.append(message)


def settings_for(broker: Broker) -> Settings:
    """Settings of a client of this broker, with the shortest time-outs that are allowed."""
    return load_settings(None, {"kafka": {"bootstrap_servers": broker.bootstrap, "transaction_timeout_ms": 10_000}})


def new_topic() -> str:
    """A name that no other test uses."""
    return f"feedback-{uuid4().hex[:12]}"


def write_csv(path: Path, n_rows: int, *, step_s: float = 1.0, newest_first: bool = False) -> Path:
    """`n_rows` rows with `id, text, at`, `step_s` apart."""
    numbers = range(n_rows - 1, -1, -1) if newest_first else range(n_rows)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "at"])
        for n in numbers:
            writer.writerow(
                [f"r{n}", f"a text with the number {n}", (START + timedelta(seconds=n * step_s)).isoformat()]
            )
    return path


def read_committed(broker: Broker, topic: str) -> list[dict[str, Any]]:
    """Every committed value of a topic, in the order of each partition."""
    return [msgspec.json.decode(record.value) for record in kafka_io.read_committed(broker.bootstrap, topic)]


def wait_for_records(broker: Broker, topic: str, goal: int, process: subprocess.Popen[bytes]) -> int:
    """Return once the topic's logs hold `goal` records, also of open transactions; says how many there were before.

    Control records count too, so that the count is rough: enough to find a moment in the middle of things. `process`
    is the one that writes them.
    """
    n_records = 0
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, isolation_level="read_uncommitted", group_id=None)

    def written() -> bool:
        nonlocal n_records
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        n_records = sum(consumer.end_offsets(partitions).values()) if partitions else 0
        if n_records < goal and process.poll() is not None and process.stderr is not None:
            pytest.fail(f"ended with {process.returncode} at {n_records} records: {process.stderr.read().decode()}")
        return n_records >= goal

    with closing(consumer):
        wait_until(written, lambda: f"{goal} records in {topic}; there were {n_records}")
    return n_records
