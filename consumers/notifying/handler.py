"""The notifier's handler: alerts → channels. Delivers at least once, and twice only if it is killed in between.

An alert's offset is committed when every channel has delivered it, has refused it for good, or has given up. Until then
the batch is held: the loop calls again under pressure. A circuit breaker paces each channel, and an alert is not given
again to a channel that has delivered it. A notifier that is killed between a delivery and its commit delivers again,
with the same idempotency key.

The channels of a notifier share one progress. If a channel must not wait for another, run a notifier with its own group
id for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from consumers.cluster.records import EMPTY_RESULT, Record, RecordBatch, TopicPartition, WorkResult, fault_fields
from consumers.notifying.channels.channel import Attempt, Channel, DeliveryOutcome
from consumers.notifying.channels.circuit import Circuit
from consumers.runtime.handler import BaseHandler
from consumers.runtime.metrics import Metrics
from sentiment.errors import FatalError, PoisonRecord, Pressure
from sentiment.events import Alert, decode_alert

_log = structlog.get_logger(__name__)


class History(Protocol):
    """Knows which alerts were handled before (`consumers.notifying.history`)."""

    def handled(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, set[str]]:
        """The ids of handled alerts, by partition."""


@dataclass(frozen=True, slots=True)
class NotifyOptions:
    """`max_age`: skip alerts whose window ended longer ago. `give_up`: drop alerts that have failed for longer.

    `finite`: end the run with an error when a circuit opens, instead of holding what it cannot deliver.
    """

    max_age: timedelta
    max_attempts: int
    give_up: timedelta = timedelta(hours=1)
    open_s: float = 30.0
    finite: bool = False


@dataclass(frozen=True, slots=True)
class _Failures:
    """Failed attempts to deliver one alert on one channel."""

    n: int = 0
    first: datetime | None = None


class NotifyHandler(BaseHandler):
    """Delivers to all channels."""

    def __init__(self, channels: Sequence[Channel], history: History, options: NotifyOptions, metrics: Metrics) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._circuits = {name: Circuit(options.max_attempts, open_s=options.open_s) for name in self._channels}
        self._history = history
        self._options = options
        self._metrics = metrics
        self._done: dict[TopicPartition, dict[str, set[str]]] = {}
        """By partition and alert id: the channels that have finished with the alert."""
        self._failures: dict[tuple[str, str], _Failures] = {}
        """By channel and alert id."""

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        """Read which alerts were handled before."""
        for partition, ids in self._history.handled(partitions).items():
            done = self._done.setdefault(partition, {})
            for alert_id in ids:
                done[alert_id] = set(self._channels)

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Forget them; the next owner reads them again."""
        for partition in partitions:
            self._done.pop(partition, None)

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Remember what was delivered but not committed, so as not to deliver it again."""

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        """Deliver what is not delivered yet.

        Raises:
            Pressure: a channel is unavailable; call again with the same batch.
            FatalError: a channel is unavailable, and the run is finite.
        """
        due: list[tuple[Alert, set[str]]] = []
        for partition, records in batch.partitions.items():
            done = self._done.setdefault(partition, {})
            for record in records:
                alert = _decode(record)
                if alert is not None:
                    due.append((alert, done.setdefault(alert.alert_id, set())))
        held = sum(self._deliver(name, due, now) for name in self._channels)
        if held:
            raise Pressure(f"{held} deliveries are waiting for their channel")
        for alert, _ in due:
            for name in self._channels:
                self._failures.pop((name, alert.alert_id), None)
        return EMPTY_RESULT

    def _deliver(self, name: str, due: Sequence[tuple[Alert, set[str]]], now: datetime) -> int:
        """Try the alerts that one channel has not finished with. Returns how many remain.

        Those with the fewest failures come first, so that an alert that breaks the receiver does not hold up the
        others.
        """
        waiting = [(alert, done) for alert, done in due if name not in done]
        waiting.sort(key=lambda each: self._failed_before(name, each[0]).n)
        held = 0
        for alert, done in waiting:
            outcome = None if name in done else self._attempt(name, alert, now)
            if outcome is not None:
                done.add(name)
                self._metrics.counter("sentiment_notifications_total", channel=name, outcome=outcome).inc()
            held += name not in done
        return held

    def _attempt(self, name: str, alert: Alert, now: datetime) -> str | None:
        """The outcome of this alert on this channel. None: not decided yet."""
        if now - alert.window_end > self._options.max_age:
            _log.info("alert_too_old", alert=alert.alert_id, episode=alert.episode_id, channel=name)
            return "expired"
        failed = self._failed_before(name, alert)
        if failed.first is not None and now - failed.first > self._options.give_up:
            _log.error("alert_given_up", alert=alert.alert_id, channel=name, attempts=failed.n)
            return "failed"
        circuit = self._circuits[name]
        if not circuit.allows(now):
            return None
        attempt = self._channels[name].attempt(alert, now)
        if attempt.outcome is DeliveryOutcome.UNAVAILABLE:
            self._failures[name, alert.alert_id] = _Failures(failed.n + 1, failed.first or now)
            self._note_failure(name, alert, attempt, now)
            return None
        circuit.succeeded()
        if attempt.outcome is DeliveryOutcome.REFUSED:
            _log.error("alert_refused", channel=name, alert=alert.alert_id, reason=attempt.reason)
            return "failed"
        _log.info("alert_delivered", channel=name, alert=alert.alert_id, episode=alert.episode_id, status=alert.status)
        return "delivered"

    def _note_failure(self, name: str, alert: Alert, attempt: Attempt, now: datetime) -> None:
        circuit = self._circuits[name]
        circuit.failed(now, attempt.retry_after_s)
        _log.warning(
            "delivery_failed",
            channel=name,
            alert=alert.alert_id,
            reason=attempt.reason,
            failures=circuit.failures,
            circuit="open" if circuit.is_open else "closed",
        )
        if circuit.is_open and self._options.finite:
            raise FatalError(
                f"the {name} channel did not accept an alert in {circuit.failures} attempts ({attempt.reason})",
                hint="the next run tries again",
            )

    def _failed_before(self, name: str, alert: Alert) -> _Failures:
        return self._failures.get((name, alert.alert_id), _Failures())


def _decode(record: Record) -> Alert | None:
    """The alert. None, which is skipped, for a record that the alert worker has not written."""
    try:
        return decode_alert(record.content())
    except PoisonRecord as poison:
        _log.warning("alert_unreadable", **fault_fields(record, poison))
        return None
