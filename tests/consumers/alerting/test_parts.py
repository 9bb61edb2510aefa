"""Parts of a product through the real commands: watched, restarted, told once, explained."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from sentiment.events import ScoredFeedback
from tests.brokers import Broker
from tests.consumers.alerting.asking import publish, teller
from tests.consumers.results import START, a_day, scored
from tests.e2e.pipeline import pipeline

INCIDENT = (16 * 60, 17 * 60 + 30)
SEGMENTS = {"SENTIMENT_ALERTS__SEGMENTS": '["version", "source"]'}


def two_versions() -> list[ScoredFeedback]:
    """The day with an incident is that of version 2. Version 1 has as many results, and a calm day."""
    bad = [structs.replace(each, metadata={"version": 2}) for each in a_day(incident=INCIDENT)]
    calm: list[ScoredFeedback] = []
    for n in range(24 * 60):
        label = "negative" if n % 8 == 0 else "positive"
        made = scored(10_000 + n, START + timedelta(minutes=n, seconds=30), label, partition=n % 4)
        calm.append(structs.replace(made, metadata={"version": 1}))
    return sorted([*bad, *calm], key=lambda each: each.created_at)


@pytest.mark.slow
def test_the_incident_of_a_version_is_told_once(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also if the worker is replaced in the middle of it. The calm version says nothing, and both are explained."""
    told = teller(capsys)
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        for name, value in (here.variables | SEGMENTS).items():
            monkeypatch.setenv(name, value)
        results = two_versions()
        middle = START + timedelta(minutes=INCIDENT[1] - 30)
        publish(here, [each for each in results if each.created_at < middle])
        worker = here.command("alerts", "run", **SEGMENTS).start()
        here.until(lambda: bool(here.alerts), "the first alert")
        assert worker.stop() == 0
        publish(here, [each for each in results if each.created_at >= middle])
        assert here.command("alerts", "run", "--until-idle", "4", **SEGMENTS).start().wait() == 0, here.last_words()

        here.until(lambda: any(a.status == "resolved" and a.silenced is None for a in here.alerts), "its end")
        capsys.readouterr()
        listed = [json.loads(line) for line in told("alerts", "list", "--json").splitlines()]
        announced = [each for each in listed if each["silenced"] is None]
        assert [(each["status"], each["segment"]) for each in announced] == [("resolved", announced[0]["segment"])]
        firing = [alert for alert in here.alerts if alert.silenced is None and alert.status == "firing"]
        assert len(firing) == 1
        assert "version=2" in firing[0].message
        assert {each["segment"] for each in listed} <= {"app", "app / version=2", "app / source=web"}
        during = (START + timedelta(minutes=INCIDENT[1] - 20)).isoformat()
        bad = json.loads(told("alerts", "explain", "app / version=2", during, "--json"))
        assert "an episode is open" in bad["verdict"]
        calm = json.loads(told("alerts", "explain", "app / version=1", during, "--json"))
        assert calm["open_since"] is None
        assert calm["learnt_n"] > 500
