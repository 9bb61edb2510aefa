"""The notifier, assembled from connection, topics, endpoint, channels and loop."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TextIO

from consumers.notifying.channels import CHANNELS
from consumers.notifying.channels.channel import Channel
from consumers.notifying.handler import NotifyHandler, NotifyOptions
from consumers.notifying.history import AlertHistory
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.service import service
from consumers.runtime.shutdown import StopRequest
from consumers.timing.clock import Clock
from sentiment.errors import ConfigurationError
from sentiment.settings import NotifySettings, Settings

_MAX_BATCH = 20
"""Alerts are rare. After a crash a small batch repeats little, and its attempts end well before the watchdog acts."""


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
        ConfigurationError: no channel is configured, or one is misconfigured.
        SentimentError: see `service` and `run_loop`.
    """
    notify = settings.notify
    config = LoopConfig(
        topics=(settings.topics.alerts,),
        group_id=notify.group_id,
        max_batch_records=_MAX_BATCH,
        until_idle_s=until_idle_s,
        drain_timeout_s=settings.worker.drain_timeout_s,
    )
    options = NotifyOptions(
        max_age=timedelta(seconds=settings.alerts.notify_max_age_s),
        max_attempts=notify.max_attempts,
        give_up=timedelta(seconds=notify.give_up_s),
        open_s=notify.open_s,
        finite=until_idle_s is not None,
    )
    with ExitStack() as stack:
        channels = _open_channels(notify, console, stack)
        notifier = stack.enter_context(service("notifier", settings, config, (settings.topics.alerts,), stop, clock))
        handler = NotifyHandler(channels, AlertHistory(settings, config.group_id), options, notifier.metrics)
        notifier.run(handler, channels=[channel.name for channel in channels])


def _open_channels(notify: NotifySettings, console: TextIO, stack: ExitStack) -> list[Channel]:
    channels: list[Channel] = []
    for open_channel in CHANNELS:
        channel = open_channel(notify, console)
        if channel is not None:
            channels.append(stack.enter_context(closing(channel)))
    if not channels:
        raise ConfigurationError("no channel is configured", hint="set notify.webhook_url, or notify.console = true")
    return channels
