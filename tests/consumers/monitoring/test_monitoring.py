"""The monitor through the whole loop: feedback, scoring worker, results, labels, reports."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers.monitoring.labels import publish_labels
from consumers.monitoring.monitoring import MonitorJob, run_monitor
from consumers.runtime.shutdown import StopRequest
from consumers.scoring.worker import run_worker
from sentiment.cli.main import run
from sentiment.drift.monitor import MonitorConfig
from sentiment.drift.reports import WindowReport
from sentiment.events import Label, LateLabel, SourcePosition, encode
from sentiment.model.loading import shipped_model_path
from sentiment.model.vocabulary import token_facts
from sentiment.results import read_results
from sentiment.settings import Settings, load_settings
from tests.brokers import Broker, DevBroker, free_port
from tests.consumers.kafka_io import new_topic, produce
from tests.consumers.results import outgoing, scored
from tests.fakes import LexiconClassifier
from tests.waiting import WITHIN_S, wait_until

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
CONFIG = MonitorConfig(window_ms=HOUR_MS)
PER_HOUR = 120


def settings_for(broker: Broker, **metrics: object) -> Settings:
    """Topics and groups of their own."""
    source = new_topic(broker.bootstrap, "feedback", 2)
    topics = {"sentiment": f"{source}.out", "dead_letter": f"{source}.dead", "labels": f"{source}.labels"}
    kafka = {"bootstrap_servers": broker.bootstrap, "session_timeout_ms": 6_000, "transaction_timeout_ms": 10_000}
    return load_settings(
        None,
        {
            "kafka": kafka,
            "topics": {"feedback": source, **topics, "partitions": 2},
            "worker": {"group_id": source},
            "privacy": {"hash_key": "0123456789abcdef"},
            "metrics": metrics,
        },
    )


def feedback(n_hours: int, drift_from: int) -> list[tuple[bytes, bytes]]:
    """Feedback on two products. From hour `drift_from` nearly all is negative and long."""
    made = []
    for number in range(n_hours * PER_HOUR):
        drifted = number // PER_HOUR >= drift_from
        word = "awful" if number % 6 or (number % 2 == 0 and drifted) else "great"
        word = word if drifted else ("awful" if number % 4 == 0 else "great")
        text = f"the app is {word} today" + " and it has been like this for a very long time now" * drifted
        at = START + timedelta(seconds=30 * number)
        event = {"id": f"e{number}", "text": text, "created_at": at, "product": "ab"[number % 2]}
        made.append((f"k{number % 7}".encode(), msgspec.json.encode(event)))
    return made


def labels(numbers: range, label: Label) -> list[LateLabel]:
    """Labels by event id, a day later."""
    at = START + timedelta(days=1)
    return [LateLabel(label=label, labelled_at=at, event_id=f"e{number}") for number in numbers]


def monitor(settings: Settings, config: MonitorConfig = CONFIG) -> tuple[list[WindowReport], dict[str, int]]:
    """Run until idle. Returns the reports, and how many labels joined and wait."""
    reports: list[WindowReport] = []
    facts = token_facts(shipped_model_path() / "tokenizer.json")
    job = MonitorJob(config, token_facts=facts, until_idle_s=0.2)
    summary = run_monitor(settings, StopRequest(), job, reports.append)
    found = {version: quality.n for version, quality in summary.labelled.items()}
    assert sum(found.values()) == summary.labels_joined
    return reports, {"joined": summary.labels_joined, "waiting": summary.labels_waiting}


def test_drift_is_found_and_labels_join_through_the_whole_loop(broker: Broker) -> None:
    """Labels join before and after their results, a steady window is quiet, and a second run reports the same."""
    settings = settings_for(broker)
    publish_labels(settings, labels(range(0, 40, 4), "negative"))
    produce(broker.bootstrap, settings.topics.feedback, feedback(3, drift_from=2))
    run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=0.2)
    first, joined = monitor(settings)
    assert [report.outcome for report in first] == ["reference", "steady", "drifted"]
    assert {each.feature for each in first[-1].drifted if each.segment == "*"} == {"text_length", "label"}
    assert sum(report.n for report in first) == 3 * PER_HOUR
    assert joined == {"joined": 10, "waiting": 0}
    produce(broker.bootstrap, settings.topics.labels, [(b"junk", b"not json")])
    publish_labels(settings, [*labels(range(1, 60, 4), "positive"), *labels(range(9_000, 9_003), "neutral")])
    again, joined = monitor(settings)
    assert joined == {"joined": 25, "waiting": 3}
    assert [report.comparisons for report in again] == [report.comparisons for report in first]


def test_a_stream_without_change_raises_nothing(dev_broker: DevBroker) -> None:
    """Every window after the reference is steady."""
    settings = settings_for(dev_broker)
    produce(dev_broker.bootstrap, settings.topics.feedback, feedback(4, drift_from=9))
    run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=0.2)
    reports, _ = monitor(settings)
    assert [report.outcome for report in reports] == ["reference", "steady", "steady", "steady"]


def test_a_running_monitor_judges_a_window_when_event_time_has_passed_it(dev_broker: DevBroker) -> None:
    """It also serves its metrics. No partition of the results is read ahead of the others."""
    port = free_port()
    settings = settings_for(dev_broker, port=port)
    new_results = [
        scored(number, START + timedelta(seconds=25 * number), "negative" if number % 3 else "positive")
        for number in range(300)
    ]
    reports: list[WindowReport] = []
    stop = StopRequest()
    thread = threading.Thread(
        target=run_monitor, args=(settings, stop, MonitorJob(CONFIG), reports.append), daemon=True
    )
    thread.start()
    try:
        wait_until(lambda: _metrics(port) is not None, "metrics")
        sent = [(record.key, record.value) for record in outgoing(new_results)]
        produce(dev_broker.bootstrap, settings.topics.sentiment, sent)
        places = [SourcePosition(topic="feedback", partition=0, offset=number) for number in range(60)]
        published = [LateLabel(label="negative", labelled_at=START, position=place) for place in places]
        produce(dev_broker.bootstrap, settings.topics.labels, [(None, encode(label)) for label in published])
        wait_until(
            lambda: len(reports) == 2 and "sentiment_labelled_pairs 60.0" in (_metrics(port) or ""),
            "two reports and 60 labelled pairs",
        )
    finally:
        stop.event.set()
        thread.join(WITHIN_S)
    assert [(report.outcome, report.n) for report in reports] == [("reference", 144), ("steady", 144)]
    assert not thread.is_alive()


def test_times_with_and_without_a_zone_meet_in_the_monitor(
    dev_broker: DevBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time without a zone is UTC whatever the machine's zone is, so windows and corrections follow the instants."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        settings = settings_for(dev_broker)
        results = [scored(n, START + timedelta(seconds=60 * n), "negative") for n in range(120)]
        values = [_without_zones(encode(result)) if n % 2 else encode(result) for n, result in enumerate(results)]
        produce(dev_broker.bootstrap, _made(settings), [(b"app", value) for value in values])
        told = [
            *[_label(n, "neutral", "2026-03-02T00:00:00Z") for n in range(30)],
            *[_label(n, "negative", "2026-03-02T03:00:00") for n in range(30)],
            *[_label(n, "positive", "2026-03-02T00:30:00-02:00") for n in range(30)],  # half past two: outdated
        ]
        produce(dev_broker.bootstrap, settings.topics.labels, [(b"key", value) for value in told])
        reports: list[WindowReport] = []
        job = MonitorJob(MonitorConfig(window_ms=HOUR_MS), until_idle_s=0.2)
        summary = run_monitor(settings, StopRequest(), job, reports.append)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [(report.start, report.n) for report in reports] == [(START, 60), (START + timedelta(hours=1), 60)]
    [quality] = summary.labelled.values()
    assert (summary.labels_joined, quality.n, quality.accuracy.value) == (30, 30, 1.0)


def test_the_command_prints_json_lines_and_fails_on_drift(
    dev_broker: DevBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a reference from a file, exit code 1 means drift, and 2 means that the file has no results."""
    settings = settings_for(dev_broker)
    reference = tmp_path / "reference.jsonl"
    steady = [scored(n, START + timedelta(seconds=n), "negative" if n % 4 == 0 else "positive") for n in range(200)]
    reference.write_bytes(b"".join(encode(result) + b"\n" for result in steady))
    assert list(read_results(reference)) == steady
    sent = [scored(n, START + timedelta(seconds=n), "negative", text=None) for n in range(200)]
    config = tmp_path / "s.toml"
    names = settings.topics
    config.write_text(f'[topics]\nsentiment = "{names.sentiment}"\nlabels = "{names.labels}"\n')
    produce(dev_broker.bootstrap, _made(settings), [(record.key, record.value) for record in outgoing(sent)])
    command = ["monitor", "--bootstrap-servers", dev_broker.bootstrap, "--config", str(config), "--until-idle", "0.2"]
    command += ["--fail-on-drift", "--reference", str(reference)]
    capsys.readouterr()  # what making the topics logged
    assert run([*command, "--json"]) == 1
    report, summary = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (report["outcome"], report["text_features"], summary["n_drifted"]) == ("drifted", False, 1)
    assert run([*command, "--report", str(tmp_path / "drift.html")]) == 1
    shown = capsys.readouterr().out
    assert "1 of 1 windows drifted" in (tmp_path / "drift.html").read_text("utf-8")
    assert "DRIFTED" in shown
    assert "carry no text" in shown
    reference.write_text('{"no": "result"}\n')
    assert run(command) == 2
    assert "line 1" in capsys.readouterr().err
    assert run(["monitor", "--fail-on-drift"]) == 2


def test_tombstones_pass_silently(dev_broker: DevBroker, logged: Callable[[], list[dict[str, Any]]]) -> None:
    """Results and labels without a value are passed over, and not logged as unreadable."""
    settings = settings_for(dev_broker)
    results = [scored(n, START + timedelta(seconds=n), "negative") for n in range(40)]
    produce(dev_broker.bootstrap, _made(settings), [(b"app", encode(each)) for each in results] + [(b"app", None)] * 3)
    produce(dev_broker.bootstrap, settings.topics.labels, [(b"key", None)] * 3)
    reports: list[WindowReport] = []
    run_monitor(settings, StopRequest(), MonitorJob(MonitorConfig(window_ms=HOUR_MS), until_idle_s=0.2), reports.append)
    assert [report.n for report in reports] == [40]
    assert "record_unreadable" not in {line["event"] for line in logged()}


def test_a_review_of_the_topic_reaches_the_monitor(dev_broker: DevBroker, tmp_path: Path) -> None:
    """Results are exported, labelled, published and joined. Publishing again changes nothing."""
    settings = settings_for(dev_broker)
    results = [
        scored(n, START + timedelta(seconds=n), "negative" if n % 2 else "positive", text=f"text {n}")
        for n in range(80)
    ]
    produce(dev_broker.bootstrap, _made(settings), [(record.key, record.value) for record in outgoing(results)])
    config = tmp_path / "s.toml"
    names = settings.topics
    config.write_text(f'[topics]\nsentiment = "{names.sentiment}"\nlabels = "{names.labels}"\n')
    flags = ["--bootstrap-servers", dev_broker.bootstrap, "--config", str(config)]
    sheet = tmp_path / "anna.csv"
    assert run(["review", "export", "--output", str(sheet), "--uncertain", "10", "--random", "20", *flags]) == 0
    sheet.write_text(sheet.read_text().replace(",,,", ",negative,,"))
    where = ["--items", str(tmp_path / "anna.items.jsonl"), "--dataset", str(tmp_path / "set"), "--publish"]
    for _ in range(2):
        assert run(["review", "import", str(sheet), *where, *flags]) == 0
        assert monitor(settings)[1] == {"joined": 30, "waiting": 0}


def test_the_vocabulary_tells_known_from_unknown() -> None:
    """Common words are one token, invented words are several, and an emoji is unknown."""
    facts = token_facts(shipped_model_path() / "tokenizer.json")
    assert facts("the app works great today") == (0.0, 1.0)
    assert facts("xqzvy blorptastic")[1] > 2
    assert facts("good 🦩🦩🦩")[0] > 0
    assert facts("  ") == (0.0, 0.0)


def _without_zones(value: bytes) -> bytes:
    return value.replace(b'Z",', b'",')


def _label(number: int, label: Label, labelled_at: str) -> bytes:
    return msgspec.json.encode({"label": label, "labelled_at": labelled_at, "event_id": f"e{number}"})


def _made(settings: Settings) -> str:
    from consumers.cluster.topics import ensure_topics

    ensure_topics(settings, [settings.topics.sentiment, settings.topics.labels])
    return settings.topics.sentiment


def _metrics(port: int) -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return None
