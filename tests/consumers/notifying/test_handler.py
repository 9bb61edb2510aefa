"""Which alerts are delivered once, tried again, given up, or skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from consumers.cluster.records import EMPTY_RESULT, Record, RecordBatch
from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from consumers.notifying.channels.circuit import Circuit
from sentiment.errors import FatalError, Pressure
from sentiment.events import Alert, decode_alert
from tests.consumers.notifying.support import P0, NoHistory, alert, batch, handler, outcomes, persist
from tests.consumers.results import START


@dataclass
class Scripted:
    """A channel with scripted outcomes. It delivers after the end of the script."""

    name: str = "scripted"
    script: list[DeliveryOutcome] = field(default_factory=list)
    stumbles_over: str = ""
    seen: list[str] = field(default_factory=list)

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        self.seen.append(alert.alert_id)
        if alert.alert_id == self.stumbles_over:
            return Attempt(DeliveryOutcome.UNAVAILABLE, "HTTP 500")
        return Attempt(self.script.pop(0) if self.script else DeliveryOutcome.DELIVERED, "scripted")


def test_a_channel_that_is_down_does_not_repeat_the_others() -> None:
    """While an alert waits for one channel, another channel that has delivered it does not get it again."""
    console, down = Scripted("console"), Scripted("down", [DeliveryOutcome.UNAVAILABLE] * 5)
    made = handler(console, down)
    persist(made, batch(alert(0), alert(1)))
    assert console.seen == ["alert-0", "alert-1"]
    assert down.seen.count("alert-0") + down.seen.count("alert-1") == 7
    assert outcomes(made, "down") == {"delivered": 2.0}


def test_an_open_circuit_is_tried_rarely() -> None:
    """After its attempts a dead channel is tried every half minute."""
    dead = Scripted(script=[DeliveryOutcome.UNAVAILABLE] * 1_000)
    made = handler(dead)
    with pytest.raises(AssertionError, match="held"):
        persist(made, batch(alert()), within=timedelta(minutes=10))
    assert 15 <= len(dead.seen) <= 3 + 600 / 30


def test_an_alert_is_parked_after_an_hour() -> None:
    """An alert that always breaks a receiver does not hold up the next ones for ever, and is not lost."""
    channel = Scripted(stumbles_over="alert-0")
    made = handler(channel)
    took = persist(made, batch(alert(0), alert(1)), within=timedelta(hours=2), parked=(parked := []))
    assert timedelta(hours=1) < took < timedelta(hours=1, minutes=1)
    assert channel.seen.index("alert-1") < 4
    assert outcomes(made, "scripted") == {"delivered": 1.0, "parked": 1.0}
    (record,) = parked
    assert (record.topic, decode_alert(record.value)) == ("parked", alert(0))
    assert dict(record.headers)["parked-for"] == b"scripted"


def test_a_refused_alert_is_parked_at_once() -> None:
    """It is not tried again; the next one is delivered."""
    channel = Scripted(script=[DeliveryOutcome.REFUSED])
    made = handler(channel)
    assert persist(made, batch(alert(0), alert(1)), parked=(parked := [])) == timedelta()
    assert outcomes(made, "scripted") == {"parked": 1.0, "delivered": 1.0}
    assert len(parked) == 1


def test_a_misconfigured_channel_loses_nothing() -> None:
    """Alerts wait for it and are delivered once it is mended; until then a metric says so."""
    channel = Scripted(script=[DeliveryOutcome.MISCONFIGURED] * 5)
    made = handler(channel)
    with pytest.raises(Pressure):
        made.handle(batch(alert(0)), START)
    value = made.metrics.registry.get_sample_value
    assert value("sentiment_channel_misconfigured", {"channel": "scripted"}) == 1.0
    persist(made, batch(alert(0)))
    assert outcomes(made, "scripted") == {"delivered": 1.0}
    assert value("sentiment_channel_misconfigured", {"channel": "scripted"}) == 0.0
    failures = {"channel": "scripted", "reason": "misconfigured"}
    assert value("sentiment_delivery_failures_total", failures) == 5.0


def test_a_failed_commit_parks_again() -> None:
    """What was to be parked is parked with the next commit of the same records."""
    made = handler(Scripted(script=[DeliveryOutcome.REFUSED]))
    first = made.handle(batch(alert(0)), START)
    made.on_lost(frozenset({P0}))
    assert made.handle(batch(alert(0)), START) == first != EMPTY_RESULT


def test_a_parked_alert_goes_only_to_the_channels_that_missed_it() -> None:
    """And is not parked again when it is refused again."""
    console, webhook = Scripted("console"), Scripted("webhook", [DeliveryOutcome.REFUSED])
    first = handler(console, webhook)
    result = first.handle(batch(alert(0)), START)
    (record,) = result.outputs[P0]
    parked = Record("parked", 0, 0, 0, record.key, record.value, tuple(record.headers))
    webhook.script = [DeliveryOutcome.REFUSED]
    for expected in ("failed", "delivered"):
        again = handler(console, webhook, parked_topic=None)
        assert again.handle(RecordBatch({P0: (parked,)}), START + timedelta(days=9)) == EMPTY_RESULT
        assert outcomes(again, "webhook") == {expected: 1.0}
    assert console.seen == ["alert-0"]


def test_old_alerts_are_recorded_not_sent() -> None:
    """A back-fill of last year pages nobody."""
    channel = Scripted()
    made = handler(channel)
    made.handle(batch(alert(0, end=START - timedelta(hours=25)), alert(1, end=START - timedelta(hours=23))), START)
    assert channel.seen == ["alert-1"]
    assert outcomes(made, "scripted") == {"expired": 1.0, "delivered": 1.0}


def test_the_same_alert_is_delivered_once() -> None:
    """Even if it comes twice in one batch, in a later batch, or was delivered before this notifier started."""
    channel = Scripted()
    made = handler(channel, history=NoHistory("alert-7"))
    made.handle(batch(alert(0), alert(0)), START)
    made.handle(batch(alert(0), alert(7), first_offset=2), START)
    assert channel.seen == ["alert-0"]


def test_a_failed_commit_does_not_deliver_again() -> None:
    """The loop loses its clients after the delivery, and the same records come again."""
    channel = Scripted()
    made = handler(channel)
    made.handle(batch(alert(0)), START)
    made.on_lost(frozenset({P0}))
    made.on_assigned(frozenset({P0}), START)
    made.handle(batch(alert(0)), START)
    assert channel.seen == ["alert-0"]


def test_a_finite_run_ends_with_an_error_rather_than_hold() -> None:
    """The offsets stay, so that the next run delivers."""
    dead = Scripted(script=[DeliveryOutcome.UNAVAILABLE] * 10)
    with pytest.raises(FatalError, match="did not accept an alert in 3 attempts"):
        persist(handler(dead, finite=True), batch(alert()))
    assert len(dead.seen) == 3


def test_what_is_not_an_alert_is_passed_over() -> None:
    """Junk on the alerts topic does not block the notifier."""
    channel = Scripted()
    junk = RecordBatch({P0: (Record("alerts", 0, 0, 0, None, b"{}"), Record("alerts", 0, 1, 0, None, None))})
    assert handler(channel).handle(junk, START) == EMPTY_RESULT
    assert channel.seen == []


def test_tombstones_pass_silently(logged: Callable[[], list[dict[str, Any]]]) -> None:
    """Nothing is delivered, parked or logged for a record without a value."""
    channel = Scripted()
    made = handler(channel)
    assert made.handle(RecordBatch({P0: (Record("alerts", 0, 0, -1, b"app", None),)}), START) == EMPTY_RESULT
    assert logged() == []


def test_a_circuit_waits_longer_and_closes_on_success() -> None:
    """Delays grow with jitter up to the limit of failures. After a success they start again."""
    circuit = Circuit(3, open_s=30.0, seed=1)
    now = START
    assert circuit.allows(now)
    circuit.failed(now)
    assert not circuit.allows(now)
    assert circuit.allows(now + timedelta(seconds=0.5))
    circuit.failed(now, retry_after_s=9.0)
    assert not circuit.allows(now + timedelta(seconds=8.9))
    assert not circuit.is_open
    circuit.failed(now)
    assert circuit.is_open
    assert not circuit.allows(now + timedelta(seconds=29.9))
    assert circuit.allows(now + timedelta(seconds=30))
    circuit.succeeded()
    assert circuit.allows(now)
    assert not circuit.is_open
