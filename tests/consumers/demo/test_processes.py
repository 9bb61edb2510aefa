"""The demo's processes have their own settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumers.demo.output import LineReader
from consumers.demo.processes import environment, own_settings
from sentiment.settings import Settings, load_settings

USERS = {
    "SENTIMENT_KAFKA__BOOTSTRAP_SERVERS": "kafka.example.com:9092",
    "SENTIMENT_TOPICS__FEEDBACK": "production-feedback",
    "SENTIMENT_WORKER__GROUP_ID": "production",
    "SENTIMENT_NOTIFY__WEBHOOK_URL": "https://example.com/pager",
    "SENTIMENT_METRICS__PORT": "9100",
    "SENTIMENT_MODEL__LABEL_MAP": '{"LABEL_0": "negative"}',
    "SENTIMENT_ALERTS__LEARN_N": "77",
    "PATH": "/usr/bin",
}


def loaded_with(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> Settings:
    for name in USERS:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_a_demo_touches_nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cluster, topics, groups, pager and ports of the user's environment do not reach the demo's processes."""
    variables = environment(own_settings(loaded_with(monkeypatch, USERS), "127.0.0.1:4711"), USERS)
    assert variables["PATH"] == "/usr/bin"
    seen = loaded_with(monkeypatch, variables)
    defaults = Settings.model_construct()
    assert seen.kafka == defaults.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:4711"})
    assert (seen.topics, seen.worker, seen.notify, seen.metrics) == (
        defaults.topics,
        defaults.worker,
        defaults.notify,
        defaults.metrics,
    )
    assert len(seen.privacy.key()) >= 16


def test_model_and_detection_are_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model and detection settings are passed on exactly, but threads are shared out and no alert expires."""
    users = loaded_with(monkeypatch, USERS)
    seen = loaded_with(monkeypatch, environment(own_settings(users, "127.0.0.1:4711"), USERS))
    assert seen.model == users.model.model_copy(update={"threads": seen.model.threads})
    assert seen.model.threads >= 1
    assert seen.alerts == users.alerts.model_copy(update={"notify_max_age_s": seen.alerts.notify_max_age_s})
    assert seen.alerts.learn_n == 77
    assert seen.alerts.notify_max_age_s > 20 * 365 * 86_400


def test_lines_are_read_once_and_whole(tmp_path: Path) -> None:
    """A line is returned once it is complete. A file that does not exist yet has no lines."""
    file = tmp_path / "out"
    reader = LineReader(file)
    assert reader.new_lines() == []
    with file.open("ab", buffering=0) as out:
        out.write("one\n\ntw€".encode()[:-1])
        assert reader.new_lines() == ["one"]
        out.write("€".encode()[-1:] + b"o\n")
        assert reader.new_lines() == ["tw€o"]
        assert reader.new_lines() == []
