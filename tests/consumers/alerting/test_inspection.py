"""What the command line tells of alerts: the episodes there are, and why a segment alarms or does not."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.alerting.inspection import explain_then
from sentiment.cli.main import run
from sentiment.errors import InputError
from sentiment.spikes.explanation import explain
from sentiment.spikes.segment import SpikeConfig
from sentiment.spikes.segment_state import SegmentState
from tests.brokers import Broker
from tests.consumers.alerting.asking import publish, teller
from tests.consumers.results import START, a_day
from tests.e2e.pipeline import pipeline

INCIDENT = (16 * 60, 17 * 60 + 30)


def test_episodes_are_listed_and_explained(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an incident: one resolved episode, evidence at its time, none in the calm product, and an unknown one."""
    told = teller(capsys)
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        for name, value in here.variables.items():
            monkeypatch.setenv(name, value)
        assert run(["alerts", "list"]) == 0
        assert "no episodes" in capsys.readouterr().err
        results = [*a_day(incident=INCIDENT), *a_day(product="calm", incident=None)]
        publish(here, results)
        assert here.command("alerts", "run", "--until-idle", "4").start().wait() == 0, here.last_words()

        (episode,) = [json.loads(line) for line in told("alerts", "list", "--json").splitlines()]
        assert (episode["segment"], episode["status"]) == ("app", "resolved")
        assert "resolved" in told("alerts", "list")
        assert told("alerts", "list", "--open") == ""
        capsys.readouterr()

        now = json.loads(told("alerts", "explain", "calm", "--json"))
        assert now["open_since"] is None
        assert now["learnt_n"] >= 200
        assert now["low"] < 0.125 < now["high"]
        during = START + timedelta(minutes=INCIDENT[1] - 20)
        then = json.loads(told("alerts", "explain", "app", during.isoformat(), "--json"))
        assert "an episode is open" in then["verdict"]
        assert abs(then["open_since"] - (START.timestamp() // 60 + INCIDENT[0])) < 15
        before = told("alerts", "explain", "app", (START + timedelta(minutes=20)).isoformat())
        assert "still learning" in before

        with pytest.raises(InputError, match="no result of it before"):
            explain_then(here.settings, "app", START - timedelta(days=1))
        assert run(["alerts", "explain", "unheard of"]) == 2
        assert "the alert workers have not seen it" in capsys.readouterr().err
        assert run(["alerts", "explain", "app", "soon"]) == 2


def test_a_new_segment_is_explained() -> None:
    """Without any history it is learning, and what would be expected is the prior."""
    found = explain(SegmentState(segment="new"), 0, SpikeConfig())
    assert found.verdict == "still learning: 0 of 40 results"
    assert found.expected == pytest.approx(0.2)
    assert found.arms == []
