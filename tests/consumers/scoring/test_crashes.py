"""A record that ends every process that handles it is tried alone, and then parked. Its neighbours are scored once."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sentiment.events import decode_scored
from tests.brokers import Broker
from tests.consumers.kafka_io import new_topic, produce, read_committed
from tests.processes import start
from tests.waiting import WITHIN_S, wait_until

WATCHDOG_S = 10  # the shortest that the settings allow; a quarter of it until a mark


@dataclass
class Crashing:
    """Topics of their own, and a worker that is started again whenever it dies."""

    broker: Broker
    folder: Path
    instance_id: str = "worker-1"
    source: str = field(init=False)
    results: str = field(init=False)
    dead: str = field(init=False)

    def __post_init__(self) -> None:
        self.source = new_topic(self.broker.bootstrap, "feedback", 2)
        self.results = new_topic(self.broker.bootstrap, "sentiment", 2)
        self.dead = new_topic(self.broker.bootstrap, "dead", 1)

    def send(self, texts: dict[int, str], n_records: int) -> None:
        """Records whose texts are plain, except for `texts`."""
        rows = ((n, {"text": texts.get(n, f"number {n} is great")}) for n in range(n_records))
        produce(self.broker.bootstrap, self.source, [(b"%d" % n, json.dumps(row).encode()) for n, row in rows])

    def start(self, until_idle_s: float = 1.0) -> Any:
        """The worker."""
        config = self.folder / f"{self.instance_id}.toml"
        config.write_text(self.config())
        command = [sys.executable, "-m", "tests.consumers.scoring.crashing_process", str(config), str(until_idle_s)]
        with self.log.open("ab") as log:
            return start(command, stdout=log, stderr=log)

    def deaths(self) -> int:
        """Run until it ends in good order; how often it died before."""
        for n_deaths in range(10):
            code = self.start().wait(WITHIN_S)
            if code == 0:
                return n_deaths
            assert code in {1, -signal.SIGKILL}, self.log.read_text()[-3000:]
        raise AssertionError(self.log.read_text()[-3000:])

    @property
    def log(self) -> Path:
        """What all starts have said."""
        return self.folder / "worker.log"

    def outcome(self) -> tuple[Counter[int], dict[int, str]]:
        """How often each record was scored, by its key; and the reason of each that was parked."""
        scored = read_committed(self.broker.bootstrap, self.results)
        keys = Counter(int(dict(record.headers)["source-key"]) for record in scored)
        assert all(decode_scored(record.value) for record in scored)
        parked = read_committed(self.broker.bootstrap, self.dead)
        return keys, {int(record.key): dict(record.headers)["dead-letter-reason"].decode() for record in parked}

    def config(self) -> str:
        return f"""
[kafka]
bootstrap_servers = "{self.broker.bootstrap}"
session_timeout_ms = 6000
transaction_timeout_ms = 10000
[topics]
feedback = "{self.source}"
sentiment = "{self.results}"
dead_letter = "{self.dead}"
[worker]
group_id = "{self.source}"
instance_id = "{self.instance_id}"
max_poll_records = 50
stuck_after_s = {WATCHDOG_S}
drain_timeout_s = 1
[privacy]
hash_key = "{os.urandom(16).hex()}"
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("says", "most_deaths"), [("hangs", 2), ("exits", 4)])
def test_a_record_that_ends_the_process_is_parked_and_all_others_are_scored_once(
    broker: Broker, tmp_path: Path, says: str, most_deaths: int
) -> None:
    """A slow death is noticed by a mark: two deaths. A sudden one needs to happen again, twice to the record alone."""
    here = Crashing(broker, tmp_path)
    here.send({70: f"this one {says}"}, 200)
    assert here.deaths() <= most_deaths
    scored, parked = here.outcome()
    assert parked == {70: "crashed"}
    assert scored == Counter(set(range(200)) - {70})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_stops_and_rebalances_are_no_deaths(broker: Broker, tmp_path: Path) -> None:
    """Slow records are marked. However often their workers are told to stop or share the partitions, none is parked."""
    here = Crashing(broker, tmp_path)
    here.send({n: f"number {n} is slow" for n in (3, 4)}, 20)
    for _ in range(3):
        worker = here.start(until_idle_s=3_600)
        before = here.log.read_text().count("partitions_changed")
        wait_until(lambda n=before: here.log.read_text().count("partitions_changed") > n, "it works")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(WITHIN_S) == 0
    here.instance_id = "worker-2"
    beside = here.start()
    here.instance_id = "worker-1"
    assert here.deaths() == 0
    assert beside.wait(WITHIN_S) == 0
    assert "suspects_found" not in here.log.read_text()
    scored, parked = here.outcome()
    assert (scored, parked) == (Counter(range(20)), {})
