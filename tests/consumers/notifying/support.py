"""What tests of delivery share: alerts, a handler, and its outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from consumers.cluster.records import EMPTY_RESULT, OutgoingRecord, Record, RecordBatch, TopicPartition
from consumers.notifying.channels.channel import Channel
from consumers.notifying.channels.opening import Route
from consumers.notifying.handler import NotifyHandler, NotifyOptions
from consumers.runtime.metrics import Metrics
from sentiment.errors import Pressure
from sentiment.events import Alert, ModelRef, Rate, encode
from tests.consumers.results import START

P0 = TopicPartition("alerts", 0)


def alert(number: int = 0, *, end: datetime = START, exemplars: Iterable[str] = ("it [EMAIL] fails",)) -> Alert:
    return Alert(
        alert_id=f"alert-{number}",
        episode_id=f"episode-{number}",
        status="firing",
        segment="app",
        severity="critical",
        window_start=end - timedelta(minutes=20),
        window_end=end,
        n=40,
        negatives=20,
        observed=Rate(value=0.5, low=0.35, high=0.65),
        expected=0.1,
        probability_of_chance=1e-6,
        drivers=["payment declined"],
        exemplars=list(exemplars),
        model=ModelRef(name="m", version="1"),
        started_at=end - timedelta(minutes=20),
        created_at=end,
        message="app: 50% negative against 10% expected",
    )


def changed(status: Literal["firing", "resolved"] = "firing", **values: Any) -> Alert:
    """`alert` with other values."""
    return msgspec.structs.replace(alert(), status=status, **values)


def batch(*alerts: Alert, first_offset: int = 0) -> RecordBatch:
    records = [Record("alerts", 0, first_offset + n, 0, b"app", encode(each)) for n, each in enumerate(alerts)]
    return RecordBatch({P0: tuple(records)})


class NoHistory:
    """Nothing was delivered before, except the given ids."""

    def __init__(self, *ids: str) -> None:
        self.ids = set(ids)

    def handled(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, set[str]]:
        return {partition: set(self.ids) for partition in partitions}


class MeasuredHandler(NotifyHandler):
    """A handler with its metrics."""

    metrics: Metrics


def handler(
    *channels: Channel | Route,
    history: NoHistory | None = None,
    finite: bool = False,
    parked_topic: str | None = "parked",
) -> MeasuredHandler:
    options = NotifyOptions(
        max_age=timedelta(days=1) if parked_topic else None,
        max_attempts=3,
        parked_topic=parked_topic,
        open_s=30.0,
        finite=finite,
    )
    metrics = Metrics()
    made = MeasuredHandler(
        [each if isinstance(each, Route) else Route(each) for each in channels],
        history or NoHistory(),
        options,
        metrics,
    )
    made.metrics = metrics
    made.on_assigned(frozenset({P0}), START)
    return made


def outcomes(made: MeasuredHandler, channel: str) -> dict[str, float]:
    """Notifications of a channel by outcome, from the metrics."""
    registry = made.metrics.registry
    found = {
        outcome: registry.get_sample_value("sentiment_notifications_total", {"channel": channel, "outcome": outcome})
        for outcome in ("delivered", "parked", "failed", "expired")
    }
    return {outcome: value for outcome, value in found.items() if value}


def persist(
    made: NotifyHandler,
    work: RecordBatch,
    *,
    within: timedelta = timedelta(minutes=10),
    parked: list[OutgoingRecord] | None = None,
) -> timedelta:
    """Hand over the batch every second, as the loop does under pressure. Returns how long it took.

    What the handler parks goes to `parked`; without that list it must not park anything.
    """
    passed = timedelta()
    while passed <= within:
        try:
            result = made.handle(work, START + passed)
            if parked is None:
                assert result == EMPTY_RESULT
            else:
                parked += [record for records in result.outputs.values() for record in records]
        except Pressure:
            passed += timedelta(seconds=1)
        else:
            return passed
    raise AssertionError("the batch was held for too long")
