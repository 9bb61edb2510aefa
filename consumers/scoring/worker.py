"""The scoring worker, assembled: connection, topics, model, endpoint, loop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import structlog

from consumers.cluster.clients import MAX_REQUEST_BYTES
from consumers.cluster.topic_limits import largest_record
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.metrics import Metrics
from consumers.runtime.service import Service, service
from consumers.runtime.shutdown import StopRequest
from consumers.scoring.breaker import Breaker
from consumers.scoring.dead_letters import Parking
from consumers.scoring.handler import ScoringHandler
from consumers.scoring.results import ResultWriter
from consumers.scoring.serving import Reloader, ServingModel, warm_up
from consumers.timing.clock import Clock
from sentiment.model.classifier import Classifier
from sentiment.model.registry import Registry, is_registry
from sentiment.privacy import get_ready_for_names
from sentiment.settings import ModelSettings, PrivacySettings, Settings
from sentiment.settings.privacy import fingerprint

_log = structlog.get_logger(__name__)


def run_worker(
    settings: Settings,
    load_classifier: Callable[[], Classifier],
    stop: StopRequest,
    *,
    until_idle_s: float | None = None,
    clock: Clock | None = None,
) -> None:
    """Score feedback until asked to stop (then drain), or until idle.

    `load_classifier` is called once everything else is ready, and again whenever a registry promotes another version.

    Raises:
        SentimentError: see `service`, `run_loop` and `load_classifier`.
    """
    worker, topics = settings.worker, settings.topics
    needed = (topics.feedback, topics.sentiment, topics.dead_letter)
    with service("worker", settings, _loop_config(settings, until_idle_s), needed, stop, clock) as running:
        hash_key = _hash_key(settings.privacy, running.metrics)
        get_ready_for_names()
        classifier = load_classifier()
        warm_up(classifier)
        serving = ServingModel(classifier, running.metrics)
        limits = largest_record(settings, (topics.sentiment, topics.dead_letter), at_most=MAX_REQUEST_BYTES)
        handler = ScoringHandler(
            serving,
            ResultWriter(topics.sentiment, hash_key, worker.publish_text, limits[topics.sentiment]),
            Parking(topics.dead_letter, worker.dead_letter_payload, limits[topics.dead_letter]),
            Breaker(worker.breaker_window, worker.breaker_ratio),
            running.metrics,
            worker.kind,
        )
        model = classifier.model
        with _reloading(settings.model, load_classifier, serving, running):
            running.run(handler, model=model.name, version=model.version)


def _hash_key(privacy: PrivacySettings, metrics: Metrics) -> bytes:
    """The key of pseudonyms. Says which it is, because workers with different keys split one author in several."""
    key = privacy.key()
    metrics.gauge("sentiment_hash_key_info", fingerprint=fingerprint(key)).set(1)
    if privacy.is_local:
        _log.warning(
            "hash_key_made_on_this_machine",
            fingerprint=fingerprint(key),
            remedy="set privacy.hash_key or privacy.hash_key_file if workers run on other machines too",
        )
    return key


def _loop_config(settings: Settings, until_idle_s: float | None) -> LoopConfig:
    worker = settings.worker
    return LoopConfig(
        topics=(settings.topics.feedback,),
        group_id=worker.group_id,
        instance_id=worker.instance_id,
        max_batch_records=worker.max_poll_records,
        max_wait_ms=worker.max_wait_ms,
        slice_s=worker.commit_interval_ms / 1000,
        until_idle_s=until_idle_s,
        drain_timeout_s=worker.drain_timeout_s,
    )


def _reloading(
    model: ModelSettings, load: Callable[[], Classifier], serving: ServingModel, running: Service
) -> AbstractContextManager[object]:
    """A context that keeps `serving` at the promoted version; it does nothing if the model is not a registry."""
    root = Path(model.path).expanduser()
    if not model.path or not is_registry(root):
        return nullcontext()
    return Reloader(Registry(root), load, serving, running.metrics, running.clock, interval_s=model.reload_interval_s)
