"""Silences through the real commands: set, heard by an alert worker, left out by a notifier, listed and removed."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from consumers.alerting.silences import SilenceReader, add_silence
from consumers.cluster.topics import ensure_topics
from sentiment.cli.main import run
from tests.brokers import Broker
from tests.consumers.alerting.asking import publish, teller
from tests.consumers.kafka_io import produce
from tests.consumers.results import a_day
from tests.e2e.pipeline import pipeline
from tests.waiting import wait_until

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.mark.slow
def test_a_silenced_product_alerts_nobody(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its episode is on the topic and in the list, with the reason; only the other product's is delivered."""
    told = teller(capsys)
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        for name, value in here.variables.items():
            monkeypatch.setenv(name, value)
        silence = json.loads(told("alerts", "silence", "calm*", "--for", "2h", "--reason", "an upgrade", "--json"))
        assert "an upgrade" in told("alerts", "silences")
        results = [*a_day(), *a_day(product="calm app")]
        publish(here, results)
        assert here.command("alerts", "run", "--until-idle", "4").start().wait() == 0, here.last_words()
        notifier = here.command("notify", "--until-idle", "2", SENTIMENT_ALERTS__NOTIFY_MAX_AGE_S="1e9").start()
        assert notifier.wait() == 0, here.last_words()
        delivered = notifier.output.read_text()
        assert "app: " in delivered
        assert "calm app" not in delivered

        listed = {each["segment"]: each for each in map(json.loads, told("alerts", "list", "--json").splitlines())}
        assert {name: each["silenced"] for name, each in listed.items()} == {"app": None, "calm app": "an upgrade"}
        assert "resolved, silenced" in told("alerts", "list")
        assert json.loads(told("alerts", "explain", "calm app", "--json"))["silenced"] == "an upgrade"
        assert "silenced: an upgrade" in told("alerts", "explain", "calm app")

        told("alerts", "unsilence", silence["silence_id"])
        assert told("alerts", "silences") == ""
        assert json.loads(told("alerts", "explain", "calm app", "--json"))["silenced"] is None
        assert run(["alerts", "unsilence", silence["silence_id"]]) == 2
        assert run(["alerts", "silence", " ", "--for", "2h", "--reason", "x"]) == 2


def test_a_reader_hears_of_silences_as_they_come(broker: Broker, tmp_path: Path) -> None:
    """Those there are at its start, later ones, and their removal. It passes by a record that is no silence."""
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        ensure_topics(here.settings)
        first = add_silence(here.settings, "a", now=NOW, lasts=HOUR, reason="x")
        with closing(SilenceReader(here.settings)) as reader:
            reader.refresh()
            assert reader.every() == [first]
            produce(
                broker.bootstrap,
                here.settings.topics.silences,
                [(b"foreign", b"{}"), (first.silence_id.encode(), None)],
            )
            second = add_silence(here.settings, "b", now=NOW + HOUR, lasts=HOUR, reason="y")

            def heard() -> bool:
                reader.refresh()
                return reader.every() == [second]

            wait_until(heard, "the second silence")
            assert reader.at(NOW + HOUR)("b", 0) == "y"
            assert reader.at(NOW)("b", 0) is None


def test_a_reader_knows_the_maintenance_windows(broker: Broker, tmp_path: Path) -> None:
    """Beside the silences."""
    file = tmp_path / "maintenance.toml"
    ends = (NOW + HOUR).isoformat()
    file.write_text(f'[[once]]\nstarts = {NOW.isoformat()}\nends = {ends}\nreason = "upgrade"\n')
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        alerts = here.settings.alerts.model_copy(update={"maintenance_file": file})
        with closing(SilenceReader(here.settings.model_copy(update={"alerts": alerts}))) as reader:
            reader.refresh()
            assert reader.at(NOW)("any", 0) == "upgrade"
            assert reader.at(NOW + HOUR)("any", 0) is None


def test_old_silences_are_forgotten(broker: Broker, tmp_path: Path) -> None:
    """A week after their end, when somebody sets another."""
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        ensure_topics(here.settings)
        add_silence(here.settings, "a", now=NOW, lasts=HOUR, reason="x")
        later = add_silence(here.settings, "b", now=NOW + timedelta(days=8), lasts=HOUR, reason="y")
        with closing(SilenceReader(here.settings)) as reader:
            reader.refresh()
            assert reader.every() == [later]
