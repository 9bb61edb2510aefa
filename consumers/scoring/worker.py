"""The scoring worker put together: connection, topics, model, endpoint, loop."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from consumers.clients import MAX_REQUEST_BYTES
from consumers.connection import check_connection
from consumers.endpoint import serve
from consumers.health import Health
from consumers.metrics import Metrics
from consumers.runtime.clock import Clock, SystemClock
from consumers.runtime.loop import run_loop
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.shutdown import StopRequest
from consumers.scoring.breaker import Breaker
from consumers.scoring.dead_letters import Parking
from consumers.scoring.results import ResultWriter
from consumers.scoring.scoring import ScoringHandler
from consumers.topic_limits import largest_record
from consumers.topics import ensure_topics
from sentiment.model.classifier import Classifier
from sentiment.settings import Settings

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

    What can be wrong with the call is found in the order in which it is cheapest to find: the connection, the port,
    the topics, the model.

    Raises:
        SentimentError: see `run_loop`, `check_connection`, `ensure_topics` and `load_model`.
    """
    clock = clock or SystemClock()
    worker, topics = settings.worker, settings.topics
    config = LoopConfig(
        topics=(topics.feedback,),
        group_id=worker.group_id,
        instance_id=worker.instance_id,
        max_batch_records=worker.max_poll_records,
        max_wait_ms=worker.max_wait_ms,
        slice_s=worker.commit_interval_ms / 1000,
        until_idle_s=until_idle_s,
        drain_timeout_s=worker.drain_timeout_s,
        stuck_after_s=worker.stuck_after_s,
    )
    check_connection(settings)
    metrics = Metrics()
    health = Health(clock, stuck_after_s=config.stuck_after_s)
    with serve(settings.metrics, metrics, health):
        ensure_topics(settings, [topics.feedback, topics.sentiment, topics.dead_letter])
        hash_key = settings.privacy.key()
        classifier = load_classifier()
        model = classifier.model
        metrics.gauge("sentiment_model_info", name=model.name, version=model.version).set(1)
        limits = largest_record(settings, (topics.sentiment, topics.dead_letter), at_most=MAX_REQUEST_BYTES)
        handler = ScoringHandler(
            classifier,
            ResultWriter(topics.sentiment, model, hash_key, worker.publish_text, limits[topics.sentiment]),
            Parking(topics.dead_letter, worker.dead_letter_payload, limits[topics.dead_letter]),
            Breaker(worker.breaker_window, worker.breaker_ratio),
            metrics,
        )
        _log.info("worker_starting", group=config.group_id, model=model.name, version=model.version)
        run_loop(
            settings,
            config,
            handler,
            clock=clock,
            stop=stop.event,
            metrics=LoopMetrics(metrics),
            health=health,
        )
        _log.info("worker_stopped")
