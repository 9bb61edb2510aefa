"""What tests of the loop share: a handler that copies records from one topic to another."""

from __future__ import annotations

import copy
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from consumers.cluster.records import OutgoingRecord, RecordBatch, TopicPartition, WorkResult
from consumers.runtime.handler import BaseHandler, Committed
from consumers.runtime.health import Health
from consumers.runtime.loop import run_loop
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.metrics import Metrics
from consumers.timing.clock import SystemClock
from sentiment.settings import Settings, load_settings
from tests.consumers.kafka_io import new_topic, produce, read_committed
from tests.waiting import WITHIN_S


class Copier(BaseHandler):
    """Copies records, and notes its calls. `before` is called with each batch, and may raise or wait."""

    def __init__(self, target: str, before: Callable[[RecordBatch], None] | None = None) -> None:
        self.target = target
        self.before = before
        self.owned: set[TopicPartition] = set()
        self.n_handled = 0
        self.n_committed = 0
        self.n_ticks = 0
        self.at_end: frozenset[TopicPartition] = frozenset()

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        assert not partitions & self.owned
        self.owned |= partitions

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        assert partitions <= self.owned
        self.owned -= partitions

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        self.on_revoked(partitions)

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        if self.before is not None:
            self.before(batch)
        self.n_handled += len(batch)
        return WorkResult(
            {
                partition: [OutgoingRecord(self.target, record.value, record.key) for record in records]
                for partition, records in batch.partitions.items()
            }
        )

    def on_tick(self, now: datetime, at_end: frozenset[TopicPartition]) -> WorkResult:
        self.n_ticks += 1
        self.at_end = at_end
        return WorkResult({p: [OutgoingRecord(self.target, b"tick", b"tick")] for p in self.owned if self.n_ticks == 1})

    def on_committed(self, committed: Committed) -> None:
        self.n_committed += sum(len(batch) for batch in committed.batches)


class Pipe:
    """A source topic, a target topic, and a group that copies between them."""

    def __init__(self, bootstrap: str, n_records: int) -> None:
        self.bootstrap = bootstrap
        self.source = new_topic(bootstrap, "in")
        self.target = new_topic(bootstrap, "out")
        self.metrics = Metrics()
        self.health = Health(SystemClock(), stuck_after_s=120.0)
        self.stop = threading.Event()
        self.n_records = 0
        self.add(n_records)

    def add(self, n_records: int) -> None:
        """Add records to the source topic, with consecutive values and 20 keys in turn."""
        numbers = range(self.n_records, self.n_records + n_records)
        produce(self.bootstrap, self.source, [(b"k%d" % (n % 20), b"%d" % n) for n in numbers])
        self.n_records += n_records

    def beside(self) -> Pipe:
        """The same pipe for another worker, with its own stop signal and metrics."""
        other = copy.copy(self)
        other.stop, other.metrics = threading.Event(), Metrics()
        other.health = Health(SystemClock(), stuck_after_s=120.0)
        return other

    def settings(self, **kafka: Any) -> Settings:
        fast = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 500, "transaction_timeout_ms": 10_000}
        return load_settings(None, {"kafka": {"bootstrap_servers": self.bootstrap} | fast | kafka})

    def run(self, handler: BaseHandler, settings: Settings | None = None, **config: Any) -> None:
        defaults: dict[str, Any] = {"until_idle_s": 0.2, "max_batch_records": 50}
        run_loop(
            settings or self.settings(),
            LoopConfig((self.source,), f"group-{self.source}", **(defaults | config)),
            handler,
            clock=SystemClock(),
            stop=self.stop,
            metrics=LoopMetrics(self.metrics),
            health=self.health,
        )

    @contextmanager
    def running(self, handler: BaseHandler, **config: Any) -> Iterator[threading.Thread]:
        """Run the loop on its own thread, and stop it at the end. Its error is raised here."""
        errors: list[BaseException] = []

        def target() -> None:
            try:
                self.run(handler, **({"until_idle_s": None} | config))
            except BaseException as error:  # noqa: BLE001 raised below, on the test's thread
                errors.append(error)

        thread = threading.Thread(target=target)
        thread.start()
        try:
            yield thread
        finally:
            self.stop.set()
            thread.join(WITHIN_S)
        assert not thread.is_alive()
        if errors:
            raise errors[0]

    def assert_exactly_once(self) -> None:
        """Assert that every record is in the target once, in the order of its key."""
        records = read_committed(self.bootstrap, self.target)
        assert Counter(int(r.value) for r in records) == Counter(range(self.n_records))
        by_key: dict[bytes, list[int]] = defaultdict(list)
        for record in records:
            by_key[record.key].append(int(record.value))
        assert all(values == sorted(values) for values in by_key.values())
