"""The compose file: sound, of a piece with the program, and its processes deliver an alert."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from consumers.demo.stream import BUNDLED
from sentiment.settings import load_settings
from tests.brokers import ApacheKafka, free_port
from tests.deploy.tools import DEPLOY, documents, parsed
from tests.e2e.pipeline import pipeline

FOLDER = DEPLOY / "compose"
[COMPOSE] = documents(FOLDER / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
# No package that is locked here carries the schema of the specification. This is a check of ours: the keys that we use.
KEYS = {
    *("image", "build", "restart", "read_only", "user", "cap_drop", "security_opt", "tmpfs", "stop_grace_period"),
    *("networks", "configs", "depends_on", "command", "secrets", "environment", "deploy", "healthcheck"),
    *("volumes", "ports"),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_sound(name: str) -> None:
    """Keys and types are those of the compose specification, and what it refers to is there."""
    service = SERVICES[name]
    assert set(service) <= KEYS
    assert re.fullmatch(r"[\w./-]+:[\w.]+", service["image"]), "an image has a tag"
    assert "latest" not in service["image"]
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert all(isinstance(value, str) for value in service.get("environment", {}).values())
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert {each["source"] for each in service.get("configs", [])} <= set(COMPOSE["configs"])
    for other, condition in service.get("depends_on", {}).items():
        if condition["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        else:
            assert condition == {"condition": "service_completed_successfully"}
            assert SERVICES[other]["restart"] == "no"
    for published in service.get("ports", []):
        assert published.startswith("127.0.0.1:"), "only this machine"


def test_files_exist() -> None:
    """Everything that is built from or mounted is in the repository; of secrets, only what is said about them."""
    named = [config["file"] for config in COMPOSE["configs"].values()]
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                named.append(source)
            else:
                assert source in COMPOSE["volumes"]
        if "build" in service:
            context = FOLDER / service["build"]["context"]
            dockerfile = context / service["build"]["dockerfile"]
            assert f" AS {service['build']['target']}\n" in dockerfile.read_text("utf-8")
    assert [name for name in named if not (FOLDER / name).exists()] == []


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_no_privileges(name: str) -> None:
    """Not root, nothing to gain, and a root file system that is read-only."""
    service = OURS[name]
    assert (service["user"], service["read_only"], service["cap_drop"]) == ("10001:10001", True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", OURS)
def test_commands_can_be_typed(name: str) -> None:
    """The real command line takes the command of every service of ours."""
    parsed(OURS[name]["command"])


def test_prometheus_scrapes_services_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each target is a service here, at the port that the configuration opens to the network."""
    for variable in [name for name in os.environ if name.startswith("SENTIMENT_")]:
        monkeypatch.delenv(variable)
    settings = load_settings(FOLDER / "sentiment.toml")
    [scraped] = documents(DEPLOY / "prometheus" / "prometheus.yml")
    found = re.findall(r"'(?:names|targets)': \['(\w+)(?::(\d+))?'\]", str(scraped["scrape_configs"]))
    assert {name for name, _ in found} == set(OURS) - {"topics", "page"}
    assert {int(port) for _, port in found if port} == {settings.metrics.port}
    assert settings.metrics.host == "0.0.0.0"


@pytest.mark.slow
def test_the_processes_of_the_file_deliver_an_alert(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    """Without containers: the commands of the file, as often as it says, with its configuration, on a real Kafka."""
    with pipeline(apache_kafka.bootstrap, tmp_path / "run") as here:
        token = tmp_path / "token"
        token.write_text("a token")
        local = {
            "/etc/sentiment.toml": str(FOLDER / "sentiment.toml"),
            "/run/secrets/page-token": str(token),
            "0.0.0.0": "127.0.0.1",
            "8080": str(free_port()),
        }
        commands = {}
        for name, service in OURS.items():
            words = [local.get(word, word) for word in service["command"]]
            for n in range(service.get("deploy", {}).get("replicas", 1)):
                variables = {"SENTIMENT_METRICS__PORT": str(free_port()), "SENTIMENT_METRICS__HOST": "127.0.0.1"}
                commands[name, n] = here.command(*words, **variables).start()
            if name == "topics":
                assert commands[name, 0].wait() == 0, here.last_words()
        ingest = here.command("ingest", str(BUNDLED), "--speed", "8640", "--rebase-time").start()
        here.until(lambda: b"negative" in commands["notify", 0].output.read_bytes(), "an alert on the console")
        assert len([1 for service, _ in commands if service == "worker"]) == 2
        assert all(command.running for (service, _), command in commands.items() if service != "topics")
        ingest.kill()
