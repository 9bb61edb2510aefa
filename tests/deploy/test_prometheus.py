"""A real Prometheus scrapes real services by the deployed files, and a real Alertmanager hears from it."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from consumers.runtime.metrics import TABLE
from tests.brokers import DevBroker, free_port
from tests.deploy.tools import BOARDS, DEPLOY, documents, panels, tool
from tests.own_topics import own_topics
from tests.processes import run, sentiment, start
from tests.waiting import wait_until

SERVICES = {"worker": ["worker"], "alerts": ["alerts", "run"], "notify": ["notify"]}
EVENTS = 6
NEEDS_MORE = re.compile("drift|estimated|labelled|layers|dead_letter|alerts_total|notif|open_episodes|missed|damaged")
"""What panels show only with a monitor, an incident, a fault, or a model with early exits."""


@pytest.mark.slow
def test_prometheus_scrapes_the_services_and_alertmanager_hears_of_a_failure(
    dev_broker: DevBroker, tmp_path: Path
) -> None:
    """Worker, alert worker and notifier are up, their metrics are there, and the end of one is reported."""
    prometheus, alertmanager = tool("prometheus"), tool("prometheus-alertmanager")
    ports = {service: free_port() for service in SERVICES}
    ui, manager = free_port(), free_port()
    configure(tmp_path, ports, manager)
    topics = own_names(dev_broker)
    publish(topics)
    with ExitStack() as stack:
        services = {
            service: stack.enter_context(
                running([*sentiment(*words), "--metrics-port", str(ports[service])], tmp_path / service, topics)
            )
            for service, words in SERVICES.items()
        }
        stack.enter_context(running(alertmanager_command(alertmanager, tmp_path, manager), tmp_path / "alertmanager"))
        stack.enter_context(running(prometheus_command(prometheus, tmp_path, ui), tmp_path / "prometheus"))

        wait_until(
            lambda: values(ui, 'up{job=~"sentiment-(worker|alerts|notify)"} == 1') == [1.0] * 3, "three services up"
        )
        wait_until(lambda: values(ui, 'sum(sentiment_events_total{outcome="scored"})') == [EVENTS], "events counted")
        scraped = set(api(ui, "label/__name__/values"))
        assert {row.name for row in TABLE if row.kind == "counter" and not row.labels} <= scraped
        publish(topics)  # a rate needs something that happens between two scrapes
        assert wait_until(lambda: values(ui, "sum(sentiment:latency_seconds:p95_15m)"), "a recorded quantile")
        expressions = {target["expr"] for path in BOARDS for panel in panels(path) for target in panel["targets"]}
        wait_until(
            lambda: {each for each in expressions if not values(ui, each) and not NEEDS_MORE.search(each)} == set(),
            lambda: f"data for {[each for each in expressions if not values(ui, each)]}",
        )
        assert [each for each in expressions if not api(ui, "query", query=each)] == [], "not understood"

        services["notify"].send_signal(signal.SIGTERM)
        assert services["notify"].wait(60) == 0, (tmp_path / "notify.log").read_text()
        heard = wait_until(lambda: by_name(manager, "ServiceDown", "sentiment-notify"), "the alert at Alertmanager")
        assert heard["labels"]["severity"] == "page"
        assert heard["annotations"]["runbook_url"].endswith("#servicedown")


def configure(folder: Path, ports: dict[str, int], manager: int) -> None:
    """The deployed files, with this machine's addresses and without waiting."""
    [config] = documents(DEPLOY / "prometheus" / "prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{manager}"]
    for scrape in config["scrape_configs"]:
        service = scrape["job_name"].removeprefix("sentiment-")
        scrape.pop("dns_sd_configs", None)
        scrape["static_configs"] = [{"targets": [f"127.0.0.1:{ports[service]}"] if service in ports else []}]
    [rules] = documents(DEPLOY / "prometheus" / "rules.yml")
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule.pop("for", None)
    [routes] = documents(DEPLOY / "prometheus" / "alertmanager.yml")
    for receiver in routes["receivers"]:
        receiver.pop("webhook_configs")
    for name, content in {"prometheus.yml": config, "rules.yml": rules, "alertmanager.yml": routes}.items():
        (folder / name).write_text(yaml.safe_dump(content))


def prometheus_command(program: str, folder: Path, port: int) -> list[str]:
    return [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def alertmanager_command(program: str, folder: Path, port: int) -> list[str]:
    return [
        program,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager-data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]


def own_names(broker: DevBroker) -> dict[str, str]:
    """Settings that keep this test to topics and groups of its own."""
    variables = own_topics(broker.bootstrap)
    own = variables["SENTIMENT_TOPICS__FEEDBACK"]
    return variables | {
        f"SENTIMENT_{each}__GROUP_ID": f"{each.lower()}-{own}" for each in ("WORKER", "ALERTS", "NOTIFY")
    }


def publish(variables: dict[str, str]) -> None:
    rows = "".join(json.dumps({"text": f"Message {n} is fine."}) + "\n" for n in range(EVENTS))
    published = run(sentiment("ingest", "-", "--format", "jsonl", "--product", "app"), variables, stdin=rows)
    assert published.returncode == 0, published.stderr


@contextmanager
def running(
    command: list[str], output: Path, variables: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, until the block ends; its output goes to a file beside the data."""
    with output.with_suffix(".log").open("wb") as log:
        process = start(command, variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def get(url: str, **query: str) -> Any:
    """The JSON at an address of this machine; None while nothing answers."""
    with contextlib.suppress(httpx.TransportError):
        answer = httpx.get(url, params=query, timeout=10)
        if answer.is_success:
            return answer.json()
    return None


def api(port: int, path: str, **query: str) -> Any:
    """What Prometheus answers; empty while it does not."""
    answer = get(f"http://127.0.0.1:{port}/api/v1/{path}", **query)
    return [] if answer is None else answer["data"]


def values(port: int, expression: str) -> list[float]:
    """The values of an instant query; those that are not a number are left out."""
    data = api(port, "query", query=expression)
    found = [float(each["value"][1]) for each in data["result"]] if data else []
    return [value for value in found if value == value]


def by_name(port: int, name: str, job: str) -> Any:
    """The alert that Alertmanager holds under this name."""
    alerts = get(f"http://127.0.0.1:{port}/api/v2/alerts") or []
    return next((each for each in alerts if (each["labels"]["alertname"], each["labels"]["job"]) == (name, job)), None)
