"""Replacing the model of a running worker: when it is loaded, and what happens if that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumers.runtime.metrics import Metrics
from consumers.scoring.serving import Reloader, ServingModel, warm_up
from sentiment.errors import FatalError, ModelError
from sentiment.events import ModelRef
from sentiment.model.classifier import BatchInfo, Prediction
from sentiment.model.loading import shipped_model_path
from sentiment.model.registry import Registry
from sentiment.model.tokenizer import TextTokenizer
from tests.fakes import LexiconClassifier, ManualClock
from tests.sentiment.model.registries import save_directory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL_S = 10.0


@dataclass
class Faulty(LexiconClassifier):
    """Loads, but cannot answer."""

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        raise FatalError("it computed a value that is not a number")


@dataclass
class Recording(LexiconClassifier):
    """Keeps the texts of each call."""

    calls: list[list[str]] = field(default_factory=list)

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        self.calls.append(list(texts))
        return super().predict(texts)


@dataclass
class Bench:
    """A reloader that a test drives. `broken` versions cannot be loaded; `faulty` ones load but cannot answer."""

    tmp_path: Path
    broken: set[str] = field(default_factory=set)
    faulty: set[str] = field(default_factory=set)
    loaded: list[str] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.registry = Registry(self.tmp_path / "models")
        self.promote("1")
        self.serving = ServingModel(self.load(), self.metrics)
        self.reloader = Reloader(
            self.registry, self.load, self.serving, self.metrics, self.clock, interval_s=INTERVAL_S
        )

    def load(self) -> LexiconClassifier:
        version = self.registry.promoted().ref.version
        self.loaded.append(version)
        if version in self.broken:
            raise ModelError(f"{version} is broken")
        made = Faulty if version in self.faulty else LexiconClassifier
        return made(model=ModelRef(name="toy", version=version))

    def promote(self, version: str) -> None:
        directory = save_directory(self.tmp_path / version, version)
        with self.registry.staged(directory, at=NOW) as staged:
            self.registry.switch_to(staged, instead_of=self.registry.current(), at=NOW)

    def look(self, *, after_s: float = INTERVAL_S) -> str:
        self.clock.advance(after_s)
        self.reloader.check()
        return self.serving.classifier.model.version

    @property
    def failures(self) -> float | None:
        return self.metrics.registry.get_sample_value("sentiment_model_reload_failures_total")

    def info(self, version: str) -> float | None:
        return self.metrics.registry.get_sample_value("sentiment_model_info", {"name": "toy", "version": version})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_warming_up_computes_each_width_of_short_feedback() -> None:
    """The shipped model has then computed a few texts of 16, 32 and 48 tokens."""
    classifier = Recording()
    warm_up(classifier)
    tokenizer = TextTokenizer.from_file(shipped_model_path() / "tokenizer.json")
    around = len(tokenizer.prefix + tokenizer.suffix)
    widths = [-(-(len(tokenizer.encode(call)[0]) + around) // 16) * 16 for call in classifier.calls]
    counts = [len(call) for call in classifier.calls]
    assert list(zip(widths, counts, strict=True)) == [
        (width, count) for width in (16, 32, 48) for count in (1, 2, 4, 8)
    ]


def test_what_is_promoted_serves_and_nothing_is_loaded_twice(bench: Bench) -> None:
    """Without a promotion nothing is loaded; after one, the new version serves and the metric names only that."""
    assert [bench.look() for _ in range(3)] == ["1", "1", "1"]
    bench.promote("2")
    assert [bench.look() for _ in range(3)] == ["2", "2", "2"]
    bench.registry.rollback(at=NOW)
    assert bench.look() == "1"
    assert bench.loaded == ["1", "2", "1"]
    assert (bench.info("1"), bench.info("2"), bench.failures) == (1.0, None, 0.0)


@pytest.mark.parametrize("fault", ["broken", "faulty"])
def test_a_model_that_cannot_serve_leaves_the_old_one(
    bench: Bench, fault: str, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    """A model that cannot be loaded or answer is counted and logged, and never serves; the next good one does."""
    getattr(bench, fault).add("2")
    bench.promote("2")
    assert bench.look() == "1"
    assert (bench.failures, bench.info("1"), bench.info("2")) == (1.0, 1.0, None)
    assert [(line["event"], line["still_serving"]) for line in logged()] == [("model_reload_failed", "1")]
    bench.promote("3")
    assert bench.look() == "3"
    assert bench.failures == 1.0


def test_a_broken_pointer_leaves_the_old_one(bench: Bench) -> None:
    """A pointer that is gone or means nothing is counted like a model that does not load."""
    (bench.registry.root / "current").write_text("{")
    assert bench.look() == "1"
    (bench.registry.root / "current").unlink()
    assert bench.look() == "1"
    assert bench.failures == 2.0


def test_attempts_at_a_broken_model_become_rare(bench: Bench) -> None:
    """A broken version is tried again after one interval, then two, then four; once it is repaired, it serves."""
    bench.broken.add("2")
    bench.promote("2")
    tried = []
    for look in range(1, 17):
        before = len(bench.loaded)
        bench.look()
        tried += [look] if len(bench.loaded) > before else []
    assert tried == [1, 2, 4, 8, 16]
    bench.broken.clear()
    assert [bench.look() for _ in range(16)][-1] == "2"
