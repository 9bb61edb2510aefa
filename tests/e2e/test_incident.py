"""One incident, one alert, delivered once, though the alert worker is killed in the middle of it; else none."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from consumers.demo.stream import BUNDLED, bundled_stream
from tests.brokers import DevBroker
from tests.e2e.pipeline import pipeline
from tests.e2e.webhook import webhook


@pytest.mark.slow
def test_an_alert_worker_that_is_killed_alerts_once(dev_broker: DevBroker, tmp_path: Path) -> None:
    """Killed in the middle of the incident, when it has fired and at the end: one episode, each alert published and
    delivered once.
    """
    incident = bundled_stream().incident
    assert incident is not None
    events = [json.loads(line) for line in BUNDLED.read_text("utf-8").splitlines()]
    inside = {event["id"] for event in events if _is_inside(event, incident.product, incident.start, incident.end)}
    with webhook() as received, pipeline(dev_broker.bootstrap, tmp_path / "run") as here:
        alerts = here.command("alerts", "run").start()
        notify = here.command("notify", SENTIMENT_NOTIFY__WEBHOOK_URL=received.url).start()
        worker = here.command("worker").start()
        ingest = here.command("ingest", str(BUNDLED), "--speed", "8640", "--rebase-time").start()
        here.until(
            lambda: sum(result.event_id in inside for result in here.results) >= len(inside) // 3,
            "a third of the incident",
        )
        alerts.kill()
        alerts.start()
        here.until(lambda: bool(here.alerts), "the alert")
        alerts.kill()
        alerts.start()
        assert ingest.wait() == 0, here.last_words()
        here.until(lambda: len(here.tally.results) == len(events), "all results")
        alerts.kill()
        assert [notify.stop(), worker.stop()] == [0, 0], here.last_words()

        finish = here.command("alerts", "run", "--until-idle", "4").start()
        assert finish.wait() == 0, here.last_words()
        here.command("notify", "--until-idle", "1", SENTIMENT_NOTIFY__WEBHOOK_URL=received.url).start().wait()
        here.until(here.observer.at_end, "the end")
        assert {alert.segment for alert in here.alerts} == {incident.product}
        assert len({alert.episode_id for alert in here.alerts}) == 1
        assert set(Counter(alert.alert_id for alert in here.alerts).values()) == {1}
        delivered = [headers["idempotency-key"] for headers, _ in received.requests]
        assert sorted(delivered) == sorted(alert.alert_id for alert in here.alerts)


@pytest.mark.slow
def test_a_stream_without_an_incident_gives_no_alert(dev_broker: DevBroker, tmp_path: Path) -> None:
    """The bundled day without the hour of its incident, judged to its last minute, raises nothing."""
    incident = bundled_stream().incident
    assert incident is not None
    calm = tmp_path / "calm.jsonl"
    lines = BUNDLED.read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not _is_inside(json.loads(line), incident.product, incident.start, incident.end)]
    calm.write_text("".join(kept), "utf-8")
    with pipeline(dev_broker.bootstrap, tmp_path / "run") as here:
        assert here.command("ingest", str(calm), "--rebase-time").start().wait() == 0
        assert here.command("worker", "--until-idle", "1").start().wait() == 0
        assert here.command("alerts", "run", "--until-idle", "4").start().wait() == 0
        here.until(here.observer.at_end, "the end")
        assert len(here.results) == len(kept) < len(lines)
        assert here.alerts == []


def _is_inside(event: dict[str, str], product: str, start: datetime, end: datetime) -> bool:
    return event["product"] == product and start <= datetime.fromisoformat(event["created_at"]) <= end
