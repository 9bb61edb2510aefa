"""The alert worker put together: connection, topics, endpoint, state, loop."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import structlog

from consumers.alerts.alert_state import AlertStateStore
from consumers.alerts.alerting import AlertingHandler, AlertingOptions
from consumers.alerts.source_progress import SourceProgress
from consumers.connection import check_connection
from consumers.endpoint import serve
from consumers.health import Health
from consumers.metrics import Metrics
from consumers.runtime.clock import Clock, SystemClock
from consumers.runtime.loop import run_loop
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.shutdown import StopRequest
from consumers.topics import ensure_topics
from sentiment.settings import AlertSettings, Settings
from sentiment.spikes.baseline import BaselineConfig
from sentiment.spikes.detector import DetectorConfig, threshold_for
from sentiment.spikes.segment import SpikeConfig

_log = structlog.get_logger(__name__)

_LONGEST_TICK_S = 1.0


def run_alerts(
    settings: Settings, stop: StopRequest, *, until_idle_s: float | None = None, clock: Clock | None = None
) -> None:
    """Watch the results until asked to stop (then drain), or until idle; then the last minutes are closed first.

    Raises:
        SentimentError: see `run_loop`, `check_connection` and `ensure_topics`.
    """
    clock = clock or SystemClock()
    alerts, topics = settings.alerts, settings.topics
    # What an idle source holds back must come out well before the worker ends for being idle.
    idle_s = alerts.idle_s if until_idle_s is None else min(alerts.idle_s, until_idle_s / 2)
    config = LoopConfig(
        topics=(topics.sentiment,),
        group_id=alerts.group_id,
        max_batch_records=settings.worker.max_poll_records,
        tick_s=min(_LONGEST_TICK_S, idle_s / 2),
        until_idle_s=until_idle_s,
        drain_timeout_s=settings.worker.drain_timeout_s,
        stuck_after_s=settings.worker.stuck_after_s,
    )
    options = AlertingOptions(
        alerts_topic=topics.alerts,
        idle=timedelta(seconds=idle_s),
        patience=timedelta(seconds=max(idle_s, alerts.patience_s)),
        include_unsupported_language=alerts.include_unsupported_language,
        finite=until_idle_s is not None,
    )
    check_connection(settings)
    metrics = Metrics()
    health = Health(clock, stuck_after_s=config.stuck_after_s)
    with serve(settings.metrics, metrics, health):
        ensure_topics(settings, [topics.sentiment, topics.alerts, topics.alert_state])
        with closing(SourceProgress(settings)) as sources:
            handler = AlertingHandler(options, AlertStateStore(settings, spike_config(alerts)), sources, metrics)
            _log.info("alert_worker_starting", group=config.group_id)
            run_loop(
                settings,
                config,
                handler,
                clock=clock,
                stop=stop.event,
                metrics=LoopMetrics(metrics),
                health=health,
            )
        _log.info("alert_worker_stopped")


def spike_config(alerts: AlertSettings) -> SpikeConfig:
    """The detector that the settings describe."""
    return SpikeConfig(
        baseline=BaselineConfig(prior_share=alerts.expected_share, learn_n=alerts.learn_n),
        detector=DetectorConfig(
            odds_ratio=alerts.odds_ratio,
            threshold=threshold_for(alerts.false_alarms_per_week),
            correlation=alerts.correlation,
            min_n=alerts.min_n,
        ),
        lateness_ms=round(alerts.lateness_s * 1000),
        future_ms=round(alerts.future_s * 1000),
    )
