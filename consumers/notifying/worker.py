"""The notifier, assembled from connection, topics, endpoint, channels and loop."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Literal, TextIO

from consumers.notifying.channels.channel import DeliveryOutcome
from consumers.notifying.channels.opening import open_routes
from consumers.notifying.handler import History, NotifyHandler, NotifyOptions
from consumers.notifying.history import AlertHistory, NoHistory
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.service import service
from consumers.runtime.shutdown import StopRequest
from consumers.timing.clock import Clock
from sentiment.errors import FatalError
from sentiment.events import Alert, Rate
from sentiment.settings import Settings

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
    channels: Collection[str] = (),
    clock: Clock | None = None,
) -> None:
    """Deliver alerts until asked to stop, or until idle. With `redeliver`, the parked ones, however old
    they are, until there are no more. With `channels` only to these, with a progress of their own.

    Raises:
        ConfigurationError: see `open_routes`.
        SentimentError: see `service` and `run_loop`.
    """
    notify, topics = settings.notify, settings.topics
    if redeliver and until_idle_s is None:
        until_idle_s = _REDELIVERY_IDLE_S
    config = LoopConfig(
        topics=(topics.parked_alerts if redeliver else topics.alerts,),
        group_id=".".join([notify.group_id, *sorted(channels), *(["redelivery"] if redeliver else [])]),
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
        routes = stack.enter_context(open_routes(notify, console, channels))
        notifier = stack.enter_context(
            service("notifier", settings, config, (topics.alerts, topics.parked_alerts), stop, clock)
        )
        history: History = NoHistory() if redeliver else AlertHistory(settings, config.group_id)
        handler = NotifyHandler(routes, history, options, notifier.metrics)
        notifier.run(handler, channels=[route.channel.name for route in routes])


def try_channel(settings: Settings, name: str, console: TextIO, now: datetime) -> None:
    """Send a test alert to the channel `name`, and that it is over.

    Raises:
        ConfigurationError: see `open_routes`.
        FatalError: the channel did not take one of them; says why.
    """
    with open_routes(settings.notify, console, [name]) as [route]:
        for status in ("firing", "resolved"):
            attempt = route.channel.attempt(_test_alert(status, now), now)
            if attempt.outcome is not DeliveryOutcome.DELIVERED:
                raise FatalError(
                    f"the channel {name} did not take the test alert ({attempt.outcome}: {attempt.reason})"
                )


def _test_alert(status: Literal["firing", "resolved"], now: datetime) -> Alert:
    began = now - timedelta(minutes=5)
    return Alert(
        alert_id=f"test-{now.timestamp():.0f}-{status}",
        episode_id=f"test-{now.timestamp():.0f}",
        status=status,
        segment="test",
        severity="warning",
        window_start=began,
        window_end=now,
        n=0,
        negatives=0,
        observed=Rate(value=0.0, low=0.0, high=1.0),
        expected=0.0,
        probability_of_chance=1.0,
        drivers=[],
        exemplars=[],
        model=None,
        started_at=began,
        created_at=now,
        message="This is a test of the notifier. Nothing has happened.",
    )
