"""Rules of Prometheus: each fires when it should and else does not, and names what exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumers.runtime.metrics import TABLE
from tests.deploy.rule_cases import CASES, Series
from tests.deploy.tools import DEPLOY, documents, tool
from tests.docs.pages import anchors
from tests.processes import REPOSITORY, run

RULES = DEPLOY / "prometheus" / "rules.yml"
[_FILE] = documents(RULES)
ALERTS = {rule["alert"]: rule for group in _FILE["groups"] for rule in group["rules"] if "alert" in rule}
EXPRESSIONS = [rule["expr"] for group in _FILE["groups"] for rule in group["rules"]]


def test_the_files_are_sound() -> None:
    """Prometheus' own checks of rules and configuration, and Alertmanager's of its."""
    promtool, amtool = tool("promtool"), tool("amtool")
    for command in (
        [promtool, "check", "rules", "--lint-fatal", str(RULES)],
        [promtool, "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml")],
        [amtool, "check-config", str(DEPLOY / "prometheus" / "alertmanager.yml")],
    ):
        checked = run(command)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_fires_when_it_should_and_else_does_not(tmp_path: Path) -> None:
    """`promtool test rules` over two cases for each alert."""
    promtool = tool("promtool")
    assert set(CASES) == set(ALERTS)
    groups = [
        promtool_group(name, series, case.after, fires)
        for name, case in CASES.items()
        for series, fires in ((case.firing, True), (case.quiet, False))
    ]
    tests = tmp_path / "rules.test.yml"
    tests.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": groups}))
    checked = run([promtool, "test", "rules", str(tests)])
    assert checked.returncode == 0, checked.stdout + checked.stderr


def promtool_group(name: str, series: Series, after: str, fires: bool) -> dict[str, Any]:
    """A test of promtool: the alert `name` fires, or not, after these series."""
    return {
        "name": f"{name} {'fires' if fires else 'is quiet'}",
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'group by (alertname) (ALERTS{{alertname="{name}", alertstate="firing"}})',
                "eval_time": after,
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1}] if fires else [],
            }
        ],
    }


def test_nothing_fires_without_traffic(tmp_path: Path) -> None:
    """A pipeline that runs and has no work: every metric at rest."""
    promtool = tool("promtool")
    labels = 'job="sentiment-worker", instance="worker:9100"'
    series = {f'up{{job="sentiment-{service}"}}': "1x120" for service in ("worker", "alerts", "notify", "monitor")}
    series |= {f"{row.name}{{{labels}}}": "0x120" for row in TABLE if row.kind != "histogram"}
    group = {
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "promql_expr_test": [{"expr": "ALERTS", "eval_time": "2h", "exp_samples": []}],
    }
    tests = tmp_path / "rest.test.yml"
    tests.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [group]}))
    checked = run([promtool, "test", "rules", str(tests)])
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_rules_name_metrics_and_labels_of_the_table(expression: str) -> None:
    """Every metric that a rule reads is exported, with the labels that the rule selects by."""
    rows = {row.name: row for row in TABLE}
    named = re.findall(r"(?<![\w:])(sentiment_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*?)\})?(?=[^\w:{]|$)", expression)
    assert named or "up{" in expression or ":" in expression
    for name, selectors in named:
        assert name in rows
        assert set(re.findall(r"(\w+)\s*[=!]", selectors)) <= {*rows[name].labels, "job", "instance"}


def test_a_rule_that_builds_on_another_finds_it() -> None:
    """Every recorded name that a rule reads is recorded in the file."""
    recorded = {rule["record"] for group in _FILE["groups"] for rule in group["rules"] if "record" in rule}
    read = {name for each in EXPRESSIONS for name in re.findall(r"\b(?:sentiment|job):\w+:\w+", each)}
    assert read <= recorded


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_and_what_to_do(name: str) -> None:
    """Severity, a summary, and a link to its own section of the runbook."""
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page.endswith("/docs/runbook.md")
    assert anchor == name.lower()
    assert anchor in anchors(REPOSITORY / "docs" / "runbook.md")


def test_inhibitions_name_alerts() -> None:
    """Alertmanager's file holds back alerts that exist."""
    text = yaml.safe_dump(documents(DEPLOY / "prometheus" / "alertmanager.yml")[0]["inhibit_rules"], width=1000)
    named = {name for group in re.findall(r'alertname=~?"([\w|]+)"', text) for name in group.split("|")}
    assert named
    assert named <= set(ALERTS)
