"""The notifier, assembled from connection, topics, endpoint, channels and loop."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TextIO

from consumers.notifying.channels import CHANNELS
from consumers.notifying.channels.channel import Channel
from consumers.notifying.handler import History, NotifyHandler, NotifyOptions
from consumers.notifying.history import AlertHistory, NoHistory
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.service import service
from consumers.runtime.shutdown import StopRequest
from consumers.timing.clock import Clock
from sentiment.errors import ConfigurationError
from sentiment.settings import NotifySettings, Settings

_MAX_BATCH = 20
"""Alerts are rare. After a crash a small batch repeats little, and its attempts end well before the watchdog acts."""

_REDELIVERY_IDLE_S = 5.0


def run_notify(
    settings: Settings,
    stop: StopRequest,
    console: TextIO,
    *,
    until_idle_s: float | None = None,
    redeliver: bool = False,
    clock: Clock | None = None,
) -> None:
    """Deliver alerts until asked to stop, or until idle. With `redeliver`, the parked ones, however old
    they are, until there are no more.

    Raises:
        ConfigurationError: no channel is configured, or one is misconfigured.
        SentimentError: see `service` and `run_loop`.
    """
    notify, topics = settings.notify, settings.topics
    if redeliver and until_idle_s is None:
        until_idle_s = _REDELIVERY_IDLE_S
    config = LoopConfig(
        topics=(topics.parked_alerts if redeliver else topics.alerts,),
        group_id=f"{notify.group_id}.redelivery" if redeliver else notify.group_id,
        max_batch_records=_MAX_BATCH,
        until_idle_s=until_idle_s,
        drain_timeout_s=settings.worker.drain_timeout_s,
    )
    options = NotifyOptions(
        max_age=None if redeliver else timedelta(seconds=settings.alerts.notify_max_age_s),
        max_attempts=notify.max_attempts,
        parked_topic=None if redeliver else topics.parked_alerts,
        give_up=timedelta(seconds=notify.give_up_s),
        open_s=notify.open_s,
        finite=until_idle_s is not None,
    )
    with ExitStack() as stack:
        channels = _open_channels(notify, console, stack)
        notifier = stack.enter_context(
            service("notifier", settings, config, (topics.alerts, topics.parked_alerts), stop, clock)
        )
        history: History = NoHistory() if redeliver else AlertHistory(settings, config.group_id)
        handler = NotifyHandler(channels, history, options, notifier.metrics)
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
