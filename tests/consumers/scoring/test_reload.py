"""A running worker starts to serve what is promoted, through the whole loop and with real models."""

from __future__ import annotations

import json
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from consumers.runtime.shutdown import StopRequest
from consumers.scoring.worker import run_worker
from sentiment.events import ScoredFeedback, decode_scored
from sentiment.model.loading import load_configured
from sentiment.model.manifest import load_manifest, write_manifest
from sentiment.model.registry import Registry
from sentiment.settings import Settings, load_settings
from tests.brokers import DevBroker, free_port
from tests.consumers.kafka_io import committed_offsets, new_topic, produce, read_committed
from tests.sentiment.model.models import save_classifier
from tests.sentiment.model.registries import save_directory
from tests.training import tiny
from tests.waiting import WITHIN_S, wait_until
from training.exporting.export import ExportPlan, Provenance, export_model

CHUNK = 150


def promote(registry: Registry, directory: Path) -> None:
    now = datetime.now(UTC)
    with registry.staged(directory, at=now) as staged:
        registry.switch_to(staged, instead_of=registry.current(), at=now)


def as_version(exported: Path, version: str) -> Path:
    """The same network under another version."""
    directory = Path(shutil.copytree(exported, exported.with_name(version)))
    write_manifest(directory, msgspec.structs.replace(load_manifest(directory), version=version))
    return directory


class Running:
    """A worker in a thread, and what it tells."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stop = StopRequest()
        self.thread = threading.Thread(
            target=run_worker, args=(settings, lambda: load_configured(settings.model), self.stop)
        )
        self.n_produced = 0

    def metric(self, sample: str) -> float | None:
        """The value of a sample of `/metrics`, such as `name{label="x"}`."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.settings.metrics.port}/metrics", timeout=WITHIN_S
        ) as answer:
            lines = answer.read().decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), None)

    def serves(self, version: str) -> bool:
        return self.metric(f'sentiment_model_info{{name="tiny",version="{version}"}}') == 1.0

    def produce(self) -> None:
        values = [json.dumps({"text": f"the app was great today {n}"}).encode() for n in range(CHUNK)]
        records = [(b"%d" % (n % 7), value) for n, value in enumerate(values)]
        produce(self.settings.kafka.bootstrap_servers, self.settings.topics.feedback, records)
        self.n_produced += CHUNK

    def all_committed(self) -> bool:
        topic = self.settings.topics.feedback
        return sum(committed_offsets(self.settings.kafka.bootstrap_servers, topic, topic).values()) == self.n_produced


@contextmanager
def running(settings: Settings) -> Iterator[Running]:
    worker = Running(settings)
    worker.thread.start()
    try:
        yield worker
    finally:
        worker.stop.event.set()
        worker.thread.join(WITHIN_S)
    assert not worker.thread.is_alive()


@pytest.mark.slow
def test_a_running_worker_takes_over_what_is_promoted(dev_broker: DevBroker, tmp_path: Path) -> None:
    """While records flow, a broken model and then a good one are promoted. The broken one takes over nothing; after
    the good one, results carry its version. Every record has one result, and the worker never left its group.
    """
    exported = tmp_path / "exported"
    texts = [row["text"] for row in tiny.rows(20, seed=5)]
    export_model(
        save_classifier(tmp_path / "checkpoint"),
        exported,
        ExportPlan(texts, max_length=32),
        Provenance("tiny", "tiny"),
    )
    registry = Registry(tmp_path / "models")
    promote(registry, as_version(exported, "first"))
    source = new_topic(dev_broker.bootstrap, "feedback", 2)
    settings = load_settings(
        None,
        {
            "kafka": {"bootstrap_servers": dev_broker.bootstrap},
            "topics": {"feedback": source, "sentiment": f"{source}.out", "dead_letter": f"{source}.dead"},
            "worker": {"group_id": source, "max_poll_records": 20},
            "model": {"path": str(registry.root), "threads": 1, "reload_interval_s": 0.05},
            "metrics": {"port": free_port()},
            "privacy": {"hash_key": "0123456789abcdef"},
        },
    )
    with running(settings) as worker:
        worker.produce()
        wait_until(worker.all_committed, "all records")
        promote(registry, save_directory(tmp_path / "broken", "broken", name="tiny"))
        worker.produce()
        wait_until(lambda: worker.metric("sentiment_model_reload_failures_total"), "the refusal of the broken model")
        wait_until(worker.all_committed, "all records")
        assert worker.serves("first")
        promote(registry, as_version(exported, "second"))
        worker.produce()
        wait_until(lambda: worker.serves("second"), "the second model")
        worker.produce()
        wait_until(worker.all_committed, "all records")
        assert worker.metric('sentiment_rebalances_total{change="assigned"}') == 1.0
        assert worker.metric('sentiment_rebalances_total{change="revoked"}') is None
        assert worker.metric('sentiment_rebalances_total{change="lost"}') is None
        assert worker.metric("sentiment_rebuilds_total") == 0.0
    results = [decode_scored(record.value) for record in read_committed(dev_broker.bootstrap, f"{source}.out")]
    assert len({(result.position.partition, result.position.offset) for result in results}) == len(results)
    assert len(results) == worker.n_produced == 4 * CHUNK
    for partition in (0, 1):
        versions = versions_of(results, partition)
        switched = versions.index("second")
        assert set(versions[:switched]) == {"first"}
        assert set(versions[switched:]) == {"second"}


def versions_of(results: list[ScoredFeedback], partition: int) -> list[str]:
    """The versions that scored a partition's records, in the order of their offsets."""
    own = sorted((r.position.offset, r.model.version) for r in results if r.position.partition == partition)
    return [version for _, version in own]
