"""The Grafana boards: as their code writes them, and about metrics that exist. `test_prometheus` asks their queries."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from consumers.runtime.metrics import TABLE
from tests.deploy.tools import BOARDS, DEPLOY, documents, panels
from tests.processes import run

GRAFANA = DEPLOY / "grafana"
RECORDED = {
    rule["record"]
    for document in documents(DEPLOY / "prometheus" / "rules.yml")
    for group in document["groups"]
    for rule in group["rules"]
    if "record" in rule
}
OF_METRICS = {row.name for row in TABLE} | {
    f"{row.name}_{part}" for row in TABLE if row.kind == "histogram" for part in ("bucket", "sum", "count")
}


def test_boards_are_as_their_code_writes_them(tmp_path: Path) -> None:
    """`make boards` brings them up to date."""
    made = run([sys.executable, str(GRAFANA / "boards.py"), str(tmp_path)])
    assert made.returncode == 0, made.stderr
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        path.name: path.read_text("utf-8") for path in BOARDS
    }


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_panels_show_metrics_that_exist(path: Path) -> None:
    """Metrics of the table, or what the rules record; every panel has a title, a unit and at least one query."""
    found = panels(path)
    assert len({(panel["title"], panel["type"]) for panel in found}) == len(found)
    for panel in found:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        for target in panel["targets"]:
            named = set(re.findall(r"\b(?:sentiment_\w+|(?:sentiment|job):\w+:\w+)", target["expr"]))
            assert named <= OF_METRICS | RECORDED
            assert named or "up{" in target["expr"]


def test_grafana_is_given_the_boards_and_their_source() -> None:
    """The folder that compose mounts is the one that Grafana reads, and the source is the Prometheus of compose."""
    [compose] = documents(DEPLOY / "compose" / "compose.yaml")
    service = compose["services"]["grafana"]
    mounted = dict(volume.removesuffix(":ro").split(":") for volume in service["volumes"])
    [provider] = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "sentiment.yml").read_text())["providers"]
    assert mounted["../grafana/boards"] == provider["options"]["path"]
    assert mounted["../grafana/provisioning"] == "/etc/grafana/provisioning"
    [source] = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"].removeprefix("http://").partition(":")[0] in compose["services"]
    assert "GF_SECURITY_ADMIN_PASSWORD__FILE" in service["environment"]
    assert "GF_AUTH_ANONYMOUS_ENABLED" not in service["environment"]
