"""The alert worker, assembled from connection, topics, endpoint, state and loop."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from functools import partial

from consumers.alerting.feeds import FeedProgress
from consumers.alerting.handler import AlertingHandler, AlertingOptions
from consumers.alerting.silences import SilenceReader
from consumers.alerting.state import AlertStateStore
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.service import service
from consumers.runtime.shutdown import StopRequest
from consumers.timing.clock import Clock
from sentiment.model.errors import errors_of
from sentiment.settings import Settings

_LONGEST_TICK_S = 1.0


def run_alerts(
    settings: Settings, stop: StopRequest, *, until_idle_s: float | None = None, clock: Clock | None = None
) -> None:
    """Watch the results until asked to stop, then drain. Or until idle; then the last minutes are closed first.

    Raises:
        SentimentError: see `service` and `run_loop`.
    """
    alerts, topics = settings.alerts, settings.topics
    # What an idle feed holds back must be released well before the worker ends because it is idle.
    idle_s = alerts.idle_s if until_idle_s is None else min(alerts.idle_s, until_idle_s / 2)
    config = LoopConfig(
        topics=(topics.sentiment,),
        group_id=alerts.group_id,
        max_batch_records=settings.worker.max_poll_records,
        tick_s=min(_LONGEST_TICK_S, idle_s / 2),
        until_idle_s=until_idle_s,
        drain_timeout_s=settings.worker.drain_timeout_s,
    )
    options = AlertingOptions(
        alerts_topic=topics.alerts,
        idle=timedelta(seconds=idle_s),
        patience=timedelta(seconds=max(idle_s, alerts.patience_s)),
        errors_of=partial(errors_of, settings.model.path),
        include_unsupported_language=alerts.include_unsupported_language,
        kinds=alerts.kinds(),
        finite=until_idle_s is not None,
    )
    needed = (topics.sentiment, topics.alerts, topics.alert_state, topics.silences)
    with (
        closing(SilenceReader(settings)) as silences,
        service("alert_worker", settings, config, needed, stop, clock) as worker,
        closing(FeedProgress(settings)) as feeds,
    ):
        state = AlertStateStore(settings, alerts.spike_config())
        worker.run(AlertingHandler(options, state, feeds, silences, worker.metrics))
