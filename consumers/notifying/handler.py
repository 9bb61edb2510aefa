"""The notifier's handler: alerts → channels. Delivers at least once, and twice only if it is killed in between.

An alert's offset is committed when every channel has delivered it, or it is parked for those that have not: a channel
that refuses it, or fails for too long. Until then the batch is held: the loop calls again under pressure. A circuit
breaker paces each channel, and an alert is not given again to a channel that has delivered it. A notifier that is
killed between a delivery and its commit delivers again, with the same idempotency key.

The channels of a notifier share one progress. If a channel must not wait for another, run a notifier for each
(`notify --channel NAME`): its group id ends in the name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from consumers.cluster.records import (
    EMPTY_RESULT,
    OutgoingRecord,
    Record,
    RecordBatch,
    TopicPartition,
    WorkResult,
    fault_fields,
)
from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from consumers.notifying.channels.circuit import Circuit
from consumers.notifying.channels.opening import Route
from consumers.notifying.parking import parked_alert, parked_unread, wanted_channels
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
    """`max_age`: skip alerts whose window ended longer ago; None for none. `give_up`: stop trying an alert that has
    failed for longer. Such alerts are parked in `parked_topic`; None if they come from there.

    `finite`: end the run with an error when a circuit opens, instead of holding what it cannot deliver.
    """

    max_age: timedelta | None
    max_attempts: int
    parked_topic: str | None
    give_up: timedelta = timedelta(hours=1)
    open_s: float = 30.0
    finite: bool = False


@dataclass(frozen=True, slots=True)
class _Failures:
    """Failed attempts to deliver one alert on one channel."""

    n: int = 0
    first: datetime | None = None
    reason: str = ""


class NotifyHandler(BaseHandler):
    """Delivers to the channels of `routes`."""

    def __init__(self, routes: Sequence[Route], history: History, options: NotifyOptions, metrics: Metrics) -> None:
        self._routes = {route.channel.name: route for route in routes}
        self._channels = {name: route.channel for name, route in self._routes.items()}
        self._circuits = {name: Circuit(options.max_attempts, open_s=options.open_s) for name in self._channels}
        self._history = history
        self._options = options
        self._metrics = metrics
        self._done: dict[TopicPartition, dict[str, set[str]]] = {}
        """By partition and alert id: the channels that have finished with the alert."""
        self._failures: dict[tuple[str, str], _Failures] = {}
        """By channel and alert id."""
        self._undelivered: dict[str, dict[str, str]] = {}
        """By alert id and channel: why the alert is to be parked."""

    def on_assigned(self, partitions: frozenset[TopicPartition], now: datetime) -> None:
        """Read which alerts were handled before."""
        for partition, ids in self._history.handled(partitions).items():
            done = self._done.setdefault(partition, {})
            for alert_id in ids:
                done[alert_id] = set(self._channels)

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Forget them; the next owner reads them again."""
        for partition in partitions:
            for alert_id in self._done.pop(partition, {}):
                self._undelivered.pop(alert_id, None)

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Remember what was delivered but not committed, so as not to deliver it again."""

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        """Deliver what is not delivered yet.

        Raises:
            Pressure: a channel is unavailable; call again with the same batch.
            FatalError: a channel is unavailable, and the run is finite.
        """
        due: list[tuple[Alert, set[str]]] = []
        partitions: dict[str, TopicPartition] = {}
        for partition, records in batch.partitions.items():
            done = self._done.setdefault(partition, {})
            for record in records:
                alert = _decode(record)
                if alert is not None:
                    finished = done.setdefault(alert.alert_id, set())
                    finished.update(self._channels.keys() - self._wanted(record, alert))
                    due.append((alert, finished))
                    partitions[alert.alert_id] = partition
        held = sum(self._deliver(name, due, now) for name in self._channels)
        if held:
            raise Pressure(f"{held} deliveries are waiting for their channel")
        outputs: dict[TopicPartition, list[OutgoingRecord]] = {}
        for alert in {each.alert_id: each for each, _ in due}.values():
            failed = self._undelivered.get(alert.alert_id)  # kept, because the commit may fail
            if failed and self._options.parked_topic is not None:
                parked = parked_alert(self._options.parked_topic, alert, failed)
                outputs.setdefault(partitions[alert.alert_id], []).append(parked)
            for name in self._channels:
                self._failures.pop((name, alert.alert_id), None)
        return WorkResult(outputs) if outputs else EMPTY_RESULT

    def park(self, record: Record, now: datetime) -> WorkResult:
        """Park the alert as it is, for all channels of this notifier."""
        if self._options.parked_topic is None:
            return EMPTY_RESULT
        reason = "handling it has ended the process, also alone"
        parked = parked_unread(self._options.parked_topic, record, self._channels, reason)
        return WorkResult({TopicPartition(record.topic, record.partition): [parked]})

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
        if alert.silenced is not None:
            return "silenced"
        if self._options.max_age is not None and now - alert.window_end > self._options.max_age:
            _log.info("alert_too_old", alert=alert.alert_id, episode=alert.episode_id, channel=name)
            return "expired"
        failed = self._failed_before(name, alert)
        if failed.first is not None and now - failed.first > self._options.give_up:
            return self._park(name, alert, f"{failed.reason}, {failed.n} attempts")
        circuit = self._circuits[name]
        if not circuit.allows(now):
            return None
        attempt = self._channels[name].attempt(alert, now)
        if attempt.outcome in {DeliveryOutcome.UNAVAILABLE, DeliveryOutcome.MISCONFIGURED}:
            self._failures[name, alert.alert_id] = _Failures(failed.n + 1, failed.first or now, attempt.reason)
            self._note_failure(name, alert, attempt, now)
            return None
        circuit.succeeded()
        self._metrics.gauge("sentiment_channel_misconfigured", channel=name).set(0)
        if attempt.outcome is DeliveryOutcome.REFUSED:
            return self._park(name, alert, attempt.reason)
        _log.info("alert_delivered", channel=name, alert=alert.alert_id, episode=alert.episode_id, status=alert.status)
        return "delivered"

    def _park(self, name: str, alert: Alert, reason: str) -> str:
        """Note that a channel could not deliver an alert. Returns the outcome."""
        if self._options.parked_topic is None:
            _log.error("alert_failed_again", channel=name, alert=alert.alert_id, reason=reason)
            return "failed"
        self._undelivered.setdefault(alert.alert_id, {})[name] = reason
        remedy = "mend the channel, then run `sentiment notify --redeliver`"
        _log.error("alert_parked", channel=name, alert=alert.alert_id, reason=reason, remedy=remedy)
        return "parked"

    def _note_failure(self, name: str, alert: Alert, attempt: Attempt, now: datetime) -> None:
        circuit = self._circuits[name]
        circuit.failed(now, attempt.retry_after_s)
        wrong = attempt.outcome is DeliveryOutcome.MISCONFIGURED
        self._metrics.counter("sentiment_delivery_failures_total", channel=name, reason=attempt.outcome.value).inc()
        self._metrics.gauge("sentiment_channel_misconfigured", channel=name).set(wrong)
        _log.log(
            logging.ERROR if wrong else logging.WARNING,
            "channel_misconfigured" if wrong else "delivery_failed",
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

    def _wanted(self, record: Record, alert: Alert) -> set[str]:
        """The channels that get this alert: by their routes, and of a parked one only those that it is parked for."""
        named = wanted_channels(record, self._channels)
        return {name for name, route in self._routes.items() if name in named and route.takes(alert)}

    def _failed_before(self, name: str, alert: Alert) -> _Failures:
        return self._failures.get((name, alert.alert_id), _Failures())


def _decode(record: Record) -> Alert | None:
    """The alert. None, which is skipped, for a record that the alert worker has not written."""
    if record.is_tombstone:
        return None
    try:
        return decode_alert(record.content())
    except PoisonRecord as poison:
        _log.warning("alert_unreadable", **fault_fields(record, poison))
        return None
