"""Workers and brokers are killed while they work: nothing is lost, duplicated or reordered."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from sentiment.events import decode_scored
from tests.brokers import ApacheKafka, Broker, DevBroker
from tests.consumers.kafka_io import committed_offsets, new_topic, produce, read_committed
from tests.processes import start
from tests.waiting import WITHIN_S, wait_until

N_RECORDS = 2_400
N_PARTITIONS = 4
POISON_EVERY = 40
SECONDS_PER_TEXT = 0.01
FINISHED_WITHIN_S = 200.0

# What is killed, one after another, each time after a moment of work. (A restarted broker may not be killed again
# before its open transactions have timed out, so it is killed once.)
VICTIMS = ("worker 0", "worker 1", "broker", "worker 0", "worker 0", "worker 1")


class Workers:
    """Two worker processes and their supervisor, which restarts one that ends too early."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        self.config = folder / "worker.toml"
        self.config.write_text(config)
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def keep_running(self) -> None:
        """Start what is not running."""
        for number in (0, 1):
            process = self.processes.get(number)
            if process is None or process.poll() is not None:
                command = [sys.executable, "-m", "tests.consumers.scoring.worker_process", str(self.config), "3600"]
                with (self.folder / f"worker-{number}.log").open("ab") as log:
                    self.processes[number] = start([*command, str(SECONDS_PER_TEXT)], stdout=log, stderr=log)

    def reach(self, broker: Broker, source: str, goal: int) -> bool:
        """Whether `goal` records are committed; the workers are kept running until then."""
        self.keep_running()
        return n_committed(broker, source) >= goal

    def kill(self, number: int) -> None:
        """`kill -9`."""
        self.processes[number].kill()
        self.processes[number].wait()

    def drain(self) -> list[int]:
        """SIGTERM to both; their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        return [process.wait(WITHIN_S) for process in self.processes.values()]

    def end(self) -> None:
        """Leave nothing behind."""
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()


def feedback(number: int) -> tuple[bytes, bytes]:
    key = b"customer-%d" % (number % 50)
    if number % POISON_EVERY == 0:
        return key, b"\xff broken %d" % number
    return key, json.dumps({"text": f"number {number} is great", "product": f"p{number % 3}"}).encode()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [DevBroker, ApacheKafka])
def test_everything_is_scored_exactly_once_whoever_dies(kind: type[Broker], tmp_path: Path) -> None:
    """Two workers and their broker are killed at random moments: one answer for every record, in each key's order."""
    if kind is ApacheKafka and (reason := ApacheKafka.missing()):
        pytest.skip(reason)
    moments = random.Random(7)
    with kind() as broker:
        source = new_topic(broker.bootstrap, "feedback", N_PARTITIONS)
        results = new_topic(broker.bootstrap, "sentiment", N_PARTITIONS)
        dead = new_topic(broker.bootstrap, "dead", 1)
        produce(broker.bootstrap, source, [feedback(number) for number in range(N_RECORDS)])
        workers = Workers(tmp_path, config(broker.bootstrap, source, results, dead))
        try:
            for victim in VICTIMS:
                goal = min(N_RECORDS, n_committed(broker, source) + 50)
                wait_until(lambda goal=goal: workers.reach(broker, source, goal), "progress")
                time.sleep(moments.uniform(0.0, 1.0))  # the moment of the crash is the input of this test
                if victim == "broker":
                    broker.restart()
                else:
                    workers.kill(int(victim[-1]))
                workers.keep_running()
            wait_until(lambda: workers.reach(broker, source, N_RECORDS), "the last record", FINISHED_WITHIN_S)
            assert workers.drain() == [0, 0]
        finally:
            workers.end()
        check(broker.bootstrap, results, dead)


def n_committed(broker: Broker, source: str) -> int:
    return sum(committed_offsets(broker.bootstrap, "chaos", source).values())


def check(bootstrap: str, results: str, dead: str) -> None:
    scored = [(record, decode_scored(record.value)) for record in read_committed(bootstrap, results)]
    parked = read_committed(bootstrap, dead)
    positions = Counter((result.position.partition, result.position.offset) for _, result in scored)
    positions.update(
        (int(headers["dead-letter-partition"]), int(headers["dead-letter-offset"]))
        for headers in (dict(record.headers) for record in parked)
    )
    assert positions.total() == len(positions) == N_RECORDS
    assert len(parked) == N_RECORDS // POISON_EVERY
    assert {result.label for _, result in scored} == {"positive"}
    by_key: dict[tuple[bytes, str], list[int]] = defaultdict(list)
    for record, result in scored:
        by_key[dict(record.headers)["source-key"], result.product].append(result.position.offset)
    assert all(offsets == sorted(offsets) for offsets in by_key.values())


def config(bootstrap: str, source: str, results: str, dead: str) -> str:
    return f"""
[kafka]
bootstrap_servers = "{bootstrap}"
session_timeout_ms = 4000
heartbeat_interval_ms = 1000
transaction_timeout_ms = 10000
[topics]
feedback = "{source}"
sentiment = "{results}"
dead_letter = "{dead}"
[worker]
group_id = "chaos"
max_poll_records = 50
commit_interval_ms = 100
[privacy]
hash_key = "{os.urandom(16).hex()}"
"""
