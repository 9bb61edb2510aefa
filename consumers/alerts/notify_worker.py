"""The notifier put together: connection, topics, endpoint, channels, loop."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TextIO

import structlog

from consumers.alerts.alert_history import AlertHistory
from consumers.alerts.channels.channel import Channel
from consumers.alerts.channels.console import ConsoleChannel
from consumers.alerts.channels.webhook import WebhookChannel
from consumers.alerts.notifying import NotifyHandler, NotifyOptions
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
from sentiment.errors import ConfigurationError
from sentiment.settings import NotifySettings, Settings

_log = structlog.get_logger(__name__)

_MAX_BATCH = 20
"""Alerts are few; a small batch repeats little after a crash, and its attempts end well before the watchdog's time."""


def run_notify(
    settings: Settings,
    stop: StopRequest,
    console: TextIO,
    *,
    until_idle_s: float | None = None,
    clock: Clock | None = None,
) -> None:
    """Deliver alerts until asked to stop, or until idle.

    Raises:
        ConfigurationError: no channel is configured, or one is configured wrongly.
        SentimentError: see `run_loop`, `check_connection` and `ensure_topics`.
    """
    clock = clock or SystemClock()
    notify = settings.notify
    config = LoopConfig(
        topics=(settings.topics.alerts,),
        group_id=notify.group_id,
        max_batch_records=_MAX_BATCH,
        until_idle_s=until_idle_s,
        drain_timeout_s=settings.worker.drain_timeout_s,
        stuck_after_s=settings.worker.stuck_after_s,
    )
    options = NotifyOptions(
        max_age=timedelta(seconds=settings.alerts.notify_max_age_s),
        max_attempts=notify.max_attempts,
        give_up=timedelta(seconds=notify.give_up_s),
        open_s=notify.open_s,
        finite=until_idle_s is not None,
    )
    with ExitStack() as stack:
        channels = _channels(notify, console, stack)
        check_connection(settings)
        metrics = Metrics()
        health = Health(clock, stuck_after_s=config.stuck_after_s)
        stack.enter_context(serve(settings.metrics, metrics, health))
        ensure_topics(settings, [settings.topics.alerts])
        handler = NotifyHandler(channels, AlertHistory(settings, config.group_id), options, metrics)
        _log.info("notifier_starting", group=config.group_id, channels=[channel.name for channel in channels])
        run_loop(
            settings,
            config,
            handler,
            clock=clock,
            stop=stop.event,
            metrics=LoopMetrics(metrics),
            health=health,
        )
        _log.info("notifier_stopped")


def _channels(notify: NotifySettings, console: TextIO, stack: ExitStack) -> list[Channel]:
    channels: list[Channel] = [ConsoleChannel(console)] if notify.console else []
    if notify.webhook_url is not None:
        webhook = WebhookChannel(notify.webhook_url, notify.secret(), timeout_s=notify.timeout_s)
        channels.append(stack.enter_context(closing(webhook)))
    if not channels:
        raise ConfigurationError("no channel is configured", hint="set notify.webhook_url, or notify.console = true")
    return channels
