"""Configuration: precedence, strictness, and secrets that stay secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiment.cli.main import run
from sentiment.errors import ConfigurationError
from sentiment.settings import Settings, load_settings
from sentiment.settings.exposure import exposed_secrets
from tests.sentiment.example_configuration import FILE, example


def test_flags_beat_environment_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag wins over the environment, the environment over the file, the file over the default."""
    file = tmp_path / "s.toml"
    file.write_text('[kafka]\nbootstrap_servers = "file:1"\nrequest_timeout_ms = 2000\n[topics]\npartitions = 9\n')
    monkeypatch.setenv("SENTIMENT_KAFKA__BOOTSTRAP_SERVERS", "env:1")
    monkeypatch.setenv("SENTIMENT_TOPICS__PARTITIONS", "8")
    settings = load_settings(file, {"topics": {"partitions": 7, "create": None}})
    assert settings.kafka.bootstrap_servers == "env:1"
    assert settings.kafka.request_timeout_ms == 2000
    assert settings.topics.partitions == 7
    assert settings.topics.create is True


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[kafka]\nbootstrap = 'x'", "kafka.bootstrap"),
        ("[worker]\nbreaker_ratio = 2", "worker.breaker_ratio"),
        ("[kafka]\nsecurity_protocol = 'SASL_SSL'", "sasl_mechanism"),
        ("[kafka", "not TOML"),
        ("[nonsense]\na = 1", "nonsense"),
    ],
)
def test_faults_name_the_setting(tmp_path: Path, content: str, fault: str) -> None:
    """A typing error or a value out of range is refused with the name of the setting and of the file."""
    file = tmp_path / "s.toml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=fault) as caught:
        load_settings(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SENTIMENT_KAFKA_BOOTSTRAP_SERVERS", "SENTIMENT_KAFKA__BOOTSTRAP_SERVERS"),
        ("SENTIMENT_KAFKA__BOOTSTRAP_SERVER", "SENTIMENT_KAFKA__BOOTSTRAP_SERVERS"),
        ("sentiment_topics__feedbak", "SENTIMENT_TOPICS__FEEDBACK"),
        ("SENTIMENT_PRIVACY__HASHKEY", "SENTIMENT_PRIVACY__HASH_KEY"),
        ("SENTIMENT_XYZZY", None),
    ],
)
def test_a_variable_that_is_no_setting_is_refused(
    name: str, meant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be ignored otherwise. The message names it and the nearest setting, and no value."""
    monkeypatch.setenv(name, "canary-value")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert name in caught.value.message
    assert (meant or "unset it") in (caught.value.hint or "")
    assert "canary" not in f"{caught.value.message} {caught.value.hint}"


def test_other_variables_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that Kubernetes makes for a service of our name, a whole section, and other letter case."""
    for name in ("SERVICE_HOST", "WORKER_SERVICE_PORT_METRICS", "PORT", "WORKER_PORT_9100_TCP_ADDR"):
        monkeypatch.setenv(f"SENTIMENT_{name}", "tcp://10.0.0.1:9100")
    monkeypatch.setenv("SENTIMENT_LOG", '{"level": "debug"}')
    monkeypatch.setenv("sentiment_topics__partitions", "3")
    settings = load_settings()
    assert (settings.log.level, settings.topics.partitions) == ("debug", 3)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A configuration that does not exist is an error, not a silent default."""
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml")


def test_secrets_come_from_files_and_are_never_shown(tmp_path: Path) -> None:
    """A password file is read without its newline; neither repr nor an error shows a secret."""
    (tmp_path / "pw").write_text("hunter2-hunter2\n")
    settings = load_settings(None, {"kafka": {"sasl_password_file": tmp_path / "pw"}})
    assert settings.kafka.password() == "hunter2-hunter2"
    inline = load_settings(None, {"kafka": {"sasl_password": "hunter2-hunter2"}})
    assert "hunter2" not in repr(inline)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, {"kafka": {"sasl_password": "hunter2-hunter2", "request_timeout_ms": "hunter2"}})
    assert "hunter2" not in str(caught.value)


def test_own_key_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configured key, processes of one user share a key that only the user can read."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first = load_settings().privacy.key()
    assert load_settings().privacy.key() == first
    [path] = (tmp_path / "sentiment").iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_a_short_key_is_refused() -> None:
    """A key that can be guessed is an error."""
    with pytest.raises(ConfigurationError, match="16 bytes"):
        load_settings(None, {"privacy": {"hash_key": "short"}}).privacy.key()


def test_the_example_shows_every_setting() -> None:
    """The file is what the settings say of themselves; `python -m tests.sentiment.example_configuration` writes it."""
    assert FILE.read_text("utf-8") == example()


def test_the_example_holds_the_defaults(tmp_path: Path) -> None:
    """With its comments opened, the example is a configuration that changes nothing."""
    text = FILE.read_text("utf-8")
    unset = re.compile(r"^## .*Not set by default\.\n# .*\n", re.MULTILINE)
    opened = tmp_path / "opened.toml"
    opened.write_text(re.sub(r"^# ", "", unset.sub("", text), flags=re.MULTILINE))
    assert load_settings(opened).model_dump() == load_settings().model_dump()


@pytest.mark.parametrize("section", Settings.model_fields)
def test_every_setting_is_described(section: str) -> None:
    """In a sentence that fits into a help text: it begins with a capital and ends with a full stop."""
    table = Settings.model_fields[section].annotation
    for name, field in getattr(table, "model_fields", {}).items():
        assert re.fullmatch(r"[A-Z\d].*\.", field.description or ""), name


@pytest.mark.parametrize(
    ("setting", "call"),
    [
        ("kafka.sasl_password_file", lambda settings: settings.kafka.password()),
        ("kafka.ssl_password_file", lambda settings: settings.kafka.key_password()),
        ("privacy.hash_key_file", lambda settings: settings.privacy.key()),
        ("notify.webhook_secret_file", lambda settings: settings.notify.secret()),
    ],
)
def test_an_empty_secret_file_is_named(setting: str, call: Callable[[Settings], object], tmp_path: Path) -> None:
    """An empty password would be sent, and fail far from its cause."""
    (tmp_path / "secret").write_text(" \n")
    section, field = setting.split(".")
    settings = load_settings(None, {section: {field: tmp_path / "secret"}})
    with pytest.raises(ConfigurationError, match=f"{re.escape(setting)} .*secret is empty"):
        call(settings)


def test_a_damaged_key_of_this_user_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not replaced: other pseudonyms would not join with those of before."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = load_settings(None)
    key = settings.privacy.key()
    (file,) = (tmp_path / "sentiment").iterdir()
    file.write_bytes(b"")
    with pytest.raises(ConfigurationError, match=re.escape(str(file))):
        settings.privacy.key()
    assert len(key) >= 16


def test_secrets_that_others_can_read_are_found(tmp_path: Path) -> None:
    """Secret files, a private key, and a configuration that holds a secret; not what only its owner reads."""
    files = {name: tmp_path / name for name in ("password", "private.key", "hash.key", "own.toml", "plain.toml")}
    for file in files.values():
        file.write_text("x" * 32)
        file.chmod(0o640)
    files["hash.key"].chmod(0o600)
    files["own.toml"].write_text('[notify]\nwebhook_secret = "x"\n')
    files["plain.toml"].write_text("[notify]\ntimeout_s = 1\n")
    settings = load_settings(
        None,
        {
            "kafka": {"sasl_password_file": files["password"], "ssl_keyfile": files["private.key"]},
            "privacy": {"hash_key_file": files["hash.key"]},
            "notify": {"webhook_secret_file": tmp_path / "missing"},
        },
    )
    found = {(each.setting, each.file.name, each.mode) for each in exposed_secrets(settings, files["own.toml"])}
    assert found == {
        ("kafka.sasl_password_file", "password", "0640"),
        ("kafka.ssl_keyfile", "private.key", "0640"),
        ("notify.webhook_secret", "own.toml", "0640"),
    }
    assert not exposed_secrets(Settings(), files["plain.toml"])


def test_a_command_warns_of_a_secret_that_others_can_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """On stderr, with the file and what to do; never the secret."""
    config = tmp_path / "s.toml"
    config.write_text('[notify]\nwebhook_secret = "hunter2-hunter2"\n')
    config.chmod(0o644)
    assert run(["score", "--config", str(config), "--log-format", "json", "fine"]) == 0
    out, err = capfd.readouterr()
    assert "secret_readable_by_others" in err
    assert str(config) in err
    assert "hunter2" not in out + err
