"""Poll → handle → commit, exactly once, for any handler. The loop does not know what the records mean.

One turn of the loop polls (which also drives the group), applies what a rebalance changed, hands batches to the work
thread, and commits what that has finished. The work thread handles the next batch while the last one is being
committed. When enough records wait, the loop stops fetching but keeps polling, so the group keeps the member.

The loop commits a transaction only while the group is stable, on its own thread, between two polls. No rebalance can
happen in between, so the offsets always belong to partitions that it owns. After any failed transaction it discards
everything and reads again from the committed offsets.
"""

from __future__ import annotations

import threading

import structlog

from consumers.runtime.cluster_watch import ClusterWatch
from consumers.runtime.handler import Handler
from consumers.runtime.hanging import StandstillDetector
from consumers.runtime.health import Health
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.outage import Outage, Source, means_away, wait_for_kafka
from consumers.runtime.services import Services
from consumers.runtime.session import Session, transactional_id
from consumers.runtime.session_run import SessionRun
from consumers.runtime.watchdog import Watchdog
from consumers.runtime.work_thread import WorkThread
from consumers.timing.backoff import Backoff
from consumers.timing.clock import Clock
from sentiment.errors import TransientError
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)


def run_loop(
    settings: Settings,
    config: LoopConfig,
    handler: Handler,
    *,
    clock: Clock,
    stop: threading.Event,
    metrics: LoopMetrics,
    health: Health,
) -> None:
    """Work until `stop` is set, or until idle for `config.until_idle_s`. Then drain and return.

    While Kafka is away, wait for it; see `outage`. A stop signal ends the wait.

    Raises:
        KafkaAwayError: Kafka was away for longer than `settings.kafka.exit_after_s`.
        TransientError: `config.max_attempts` failures in a row that Kafka answered, without a commit in between.
        SentimentError: what the handler or Kafka raised and no retry can fix. The offsets stay where they were.
    """
    outage = Outage(clock, settings.kafka.exit_after_s)
    health.watch_kafka(outage.seconds)
    metrics.watch_kafka(outage.seconds)
    work = WorkThread(handler, clock)
    health.watch_handler(work.running_for)
    standstill = StandstillDetector(settings.kafka.transaction_timeout_ms / 1000 * config.standstill_transactions)
    identity = transactional_id(config)
    try:
        with Watchdog(health), ClusterWatch(settings, config.group_id, config.topics, outage, clock) as watch:
            services = Services(
                clock, stop, metrics, health, Backoff(config.max_attempts), Backoff(None), outage, watch
            )
            while True:
                try:
                    health.enter("starting")
                    run = SessionRun(
                        Session.open(settings, config, identity), config, handler, work, services, standstill
                    )
                    try:
                        run.run()
                        return
                    finally:
                        run.end()
                except TransientError as error:
                    if means_away(error):
                        outage.failed(Source.LOOP, error.message)
                    _pause_before_rebuild(error, services)
                    if outage.seconds():
                        health.enter("waiting for Kafka")
                        wait_for_kafka(settings, outage, health, stop)
                    if stop.is_set():
                        return
    finally:
        health.enter("stopped")
        work.close(timeout_s=1.0)


def _pause_before_rebuild(error: TransientError, services: Services) -> None:
    """Wait before the next attempt. Raise `error` after too many attempts that Kafka answered."""
    backoff = services.outages if means_away(error) else services.backoff
    delay_s = backoff.next_delay()
    if delay_s is None or (services.stop.is_set() and not means_away(error)):
        raise error
    _log.warning(
        "rebuilding",
        reason=error.message,
        failures_in_a_row=backoff.failures,
        delay_s=round(delay_s, 2),
    )
    services.health.enter("recovering")
    services.metrics.rebuilt()
    services.stop.wait(delay_s)
    services.health.beat()
