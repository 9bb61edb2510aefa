"""Who is measured: each is a process that stays alive, and computes only when it gets texts."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from sentiment.model.loading import shipped_model_path
from tests.brokers import Broker
from tests.consumers.kafka_io import new_topic
from tests.processes import start
from tests.waiting import wait_until

PARTITIONS = 4
_TURN_S = 600.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a contender: seconds from the first text to the last answer, and the label of each text."""

    seconds: float
    labels: tuple[str, ...]


class Contender(Protocol):
    """A way to get from texts to labels. It gets `share` of the texts of a turn, so that slow ones take no longer."""

    name: str
    share: float
    process: subprocess.Popen[bytes]

    def take(self, texts: Sequence[str]) -> Turn:
        """Answer all `texts`; blocks until the last answer is there."""
        ...

    def close(self) -> None:
        """End the process."""
        ...


class ThroughKafka:
    """Reads the topic `source` and writes to `target`. The answers count when a consumer reads them, committed."""

    def __init__(
        self, name: str, share: float, process: subprocess.Popen[bytes], bootstrap: str, source: str, target: str
    ) -> None:
        self.name, self.share, self.process = name, share, process
        self._source = source
        self._producer = KafkaProducer(bootstrap_servers=bootstrap)
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        self._consumer.assign([TopicPartition(target, number) for number in range(PARTITIONS)])
        self._n_turns = 0

    def take(self, texts: Sequence[str]) -> Turn:
        """See ``Contender.take``."""
        self._n_turns += 1
        labels: dict[str, str] = {}
        names = [f"{self._n_turns}-{number}" for number in range(len(texts))]
        started = time.perf_counter()
        for name, text in zip(names, texts, strict=True):
            self.send(name, text)
        self._producer.flush()

        def all_there() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with exit code {self.process.returncode}")
            labels.update(self.receive(0.05))
            return len(labels) == len(texts)

        what = f"{len(texts)} answers of {self.name}"
        wait_until(all_there, lambda: f"{what}, {len(labels)} are there", _TURN_S)
        return Turn(time.perf_counter() - started, tuple(labels[name] for name in names))

    def send(self, name: str, text: str) -> None:
        """Publish a text under the id `name`."""
        self._producer.send(self._source, json.dumps({"id": name, "text": text}).encode())

    def receive(self, within_s: float) -> list[tuple[str, str]]:
        """Ids and labels of the answers that came."""
        polled = self._consumer.poll(timeout_ms=int(within_s * 1_000), max_records=10_000)
        found = [json.loads(record.value) for records in polled.values() for record in records]
        return [(each["event_id"], each["label"]) for each in found]

    def close(self) -> None:
        """See ``Contender.close``."""
        self.process.kill()
        self.process.wait()
        self._producer.close()
        self._consumer.close()


class BareLoop:
    """`bare_loop.py` with one runtime."""

    share = 1.0

    def __init__(self, name: str, runtime: str) -> None:
        self.name = name
        model = str(shipped_model_path())
        command = [sys.executable, "-m", "benchmarks.bare_loop", model, runtime]
        self.process = start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.padded_share = 0.0
        self.mean_tokens = 0.0

    def take(self, texts: Sequence[str]) -> Turn:
        """See ``Contender.take``. The time is the child's own."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(texts).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with exit code {self.process.wait()}")
        answer = json.loads(line)
        self.padded_share = 1 - answer["tokens"] / answer["padded_tokens"]
        self.mean_tokens = answer["tokens"] / len(texts)
        return Turn(answer["seconds"], tuple(answer["labels"]))

    def close(self) -> None:
        """See ``Contender.close``."""
        self.process.kill()
        self.process.communicate()


def first_consumer(broker: Broker, folder: Path, batch: int, share: float) -> ThroughKafka:
    """`first_consumer.py` with batches of `batch`, on topics of its own."""
    source, target = (new_topic(broker.bootstrap, f"first-{batch}", PARTITIONS) for _ in range(2))
    model = str(shipped_model_path())
    command = [sys.executable, "-m", "benchmarks.first_consumer", broker.bootstrap, source, target, model, str(batch)]
    with (folder / f"first-{batch}.log").open("ab") as log:
        process = start(command, stdout=log, stderr=log)
    name = "first consumer, " + ("one by one" if batch == 1 else f"batches of {batch}")
    return ThroughKafka(name, share, process, broker.bootstrap, source, target)


def onnxruntime_is_there() -> bool:
    """Whether the loop with ONNX Runtime can be measured."""
    return all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
