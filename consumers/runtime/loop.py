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

from consumers.runtime.handler import Handler
from consumers.runtime.hanging import StandstillDetector
from consumers.runtime.health import Health
from consumers.runtime.loop_config import LoopConfig
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.session import Session, transactional_id
from consumers.runtime.session_run import Services, SessionRun
from consumers.runtime.takeover import TakeoverGuard
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

    Raises:
        TransientError: `config.max_attempts` failures in a row, without a commit in between.
        SentimentError: what the handler or Kafka raised and no retry can fix. The offsets stay where they were.
    """
    work = WorkThread(handler, clock)
    health.watch_handler(work.running_for)
    services = Services(clock, stop, metrics, health, Backoff(config.max_attempts))
    standstill = StandstillDetector(settings.kafka.transaction_timeout_ms / 1000 * config.standstill_transactions)
    takeovers = TakeoverGuard(config.instance_id)
    identity = transactional_id(config)
    try:
        with Watchdog(health):
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
                    takeovers.note(error, clock.monotonic())
                    _pause_before_rebuild(error, services)
    finally:
        health.enter("stopped")
        work.close(timeout_s=1.0)


def _pause_before_rebuild(error: TransientError, services: Services) -> None:
    """Wait before the next attempt. Raise `error` after too many attempts, or if the process should stop."""
    delay_s = None if services.stop.is_set() else services.backoff.next_delay()
    if delay_s is None:
        raise error
    _log.warning(
        "rebuilding",
        reason=error.message,
        failures_in_a_row=services.backoff.failures,
        delay_s=round(delay_s, 2),
    )
    services.health.enter("recovering")
    services.metrics.rebuilt()
    services.stop.wait(delay_s)
    services.health.beat()
