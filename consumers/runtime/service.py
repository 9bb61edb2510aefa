"""What every worker needs around its handler: connection check, metrics endpoint, topics, and the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from consumers.cluster.topics import ensure_topics
from consumers.runtime.endpoint import serve
from consumers.runtime.handler import Handler
from consumers.runtime.health import Health
from consumers.runtime.loop import run_loop
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.metrics import Metrics
from consumers.runtime.outage import Outage, connect
from consumers.runtime.shutdown import StopRequest
from consumers.timing.clock import Clock, SystemClock
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Instruments:
    """The clock of a process, and what it shows of itself: metrics and health."""

    clock: Clock
    metrics: Metrics
    health: Health


@contextmanager
def instruments(
    settings: Settings, topics: Sequence[str], stop: StopRequest, clock: Clock | None = None
) -> Iterator[Instruments]:
    """Open the endpoint while the context lasts, connect, and create missing `topics` if allowed.

    Waits for Kafka for `kafka.wait_at_start_s` seconds.

    Raises:
        SentimentError: see `serve`, `connect` and `ensure_topics`.
    """
    clock = clock or SystemClock()
    metrics = Metrics()
    health = Health(clock, stuck_after_s=settings.worker.stuck_after_s)
    outage = Outage(clock, None)
    metrics.gauge("sentiment_kafka_unreachable_seconds").set_function(outage.seconds)
    with serve(settings.metrics, metrics, health):
        connect(settings, lambda: ensure_topics(settings, topics), outage, health, stop.event)
        yield Instruments(clock, metrics, health)


@dataclass(frozen=True, slots=True)
class Service:
    """A worker that is ready to run. `name` is used in its log."""

    name: str
    settings: Settings
    config: LoopConfig
    stop: StopRequest
    clock: Clock
    metrics: Metrics
    health: Health

    def run(self, handler: Handler, **about: object) -> None:
        """Run the loop to its end, and raise what `run_loop` raises. `about` is logged at the start."""
        _log.info(f"{self.name}_starting", group=self.config.group_id, **about)
        run_loop(
            self.settings,
            self.config,
            handler,
            clock=self.clock,
            stop=self.stop.event,
            metrics=LoopMetrics(self.metrics),
            health=self.health,
        )
        _log.info(f"{self.name}_stopped")


@contextmanager
def service(
    name: str,
    settings: Settings,
    config: LoopConfig,
    topics: Sequence[str],
    stop: StopRequest,
    clock: Clock | None = None,
) -> Iterator[Service]:
    """A worker with its `instruments`, while the context lasts. Raises what `instruments` raises."""
    with instruments(settings, topics, stop, clock) as its:
        yield Service(name, settings, config, stop, its.clock, its.metrics, its.health)
