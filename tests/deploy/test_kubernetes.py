"""Manifests: valid for Kubernetes, within its restricted profile, and of a piece with the program."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from sentiment.settings import Settings, load_settings
from tests.deploy.kustomize import Resource, containers, pod, render
from tests.deploy.tools import DEPLOY, documents, parsed, tool
from tests.processes import run

OVERLAYS = ("dev", "production", "gpu")
VERSIONS = ("1.33", "1.35", "1.37")
RESOURCES = {overlay: render(DEPLOY / "kubernetes" / "overlays" / overlay) for overlay in OVERLAYS}
WORKLOADS = [
    pytest.param(resource, id=f"{overlay}-{resource['metadata']['name']}")
    for overlay, resources in RESOURCES.items()
    for resource in resources
    if containers(resource) and resource["metadata"]["name"] != "kafka"
]
[SCALING] = documents(DEPLOY / "kubernetes" / "overlays" / "production" / "scaling.yaml")
QUERY = SCALING["spec"]["triggers"][0]["metadata"]["query"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_resources_are_valid(overlay: str, version: str) -> None:
    """Every resource of Kubernetes' own keeps to its schema, and no field is unknown."""
    for resource in RESOURCES[overlay]:
        if not resource["apiVersion"].startswith("keda.sh/"):
            kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("resource", WORKLOADS)
def test_containers_have_no_privileges(resource: Resource) -> None:
    """What the profile "restricted" of Kubernetes asks for, and a root file system that is read-only."""
    spec = pod(resource)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(resource):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]


@pytest.mark.parametrize("resource", WORKLOADS)
def test_commands_can_be_typed(resource: Resource) -> None:
    """The real command line takes the arguments of every container, and its variables are settings."""
    for container in containers(resource):
        parsed(container["args"])
        named = {variable["name"] for variable in container.get("env", [])}
        assert named <= {
            f"SENTIMENT_{section}__{field}".upper()
            for section, table in Settings.model_fields.items()
            for field in getattr(table.annotation, "model_fields", {})
        }


@pytest.mark.parametrize("resource", WORKLOADS)
def test_probes_ask_the_endpoint_that_the_configuration_opens(resource: Resource) -> None:
    """Health decides on restarts, readiness on readiness; the port is that of the settings."""
    [container] = containers(resource)
    assert container["ports"] == [{"name": "metrics", "containerPort": 9100}]
    asked = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert asked == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert {container[f"{kind}Probe"]["httpGet"]["port"] for kind in asked} == {"metrics"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_configuration_loads(overlay: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ConfigMap is what the program's own loader takes, and agrees with the manifests."""
    for name in [name for name in os.environ if name.startswith("SENTIMENT_")]:
        monkeypatch.delenv(name)
    [config] = [each for each in RESOURCES[overlay] if each["kind"] == "ConfigMap"]
    file = tmp_path / "sentiment.toml"
    file.write_text(config["data"]["sentiment.toml"])
    settings = load_settings(file)
    assert (settings.metrics.port, settings.metrics.host) == (9100, "0.0.0.0")
    assert settings.topics.partitions == SCALING["spec"]["maxReplicaCount"]
    assert str(settings.privacy.hash_key_file).startswith("/run/secrets/sentiment/")
    for resource in RESOURCES[overlay]:
        grace = pod(resource).get("terminationGracePeriodSeconds")
        assert grace is None or grace > settings.worker.drain_timeout_s
        for container in containers(resource):
            probe = container.get("startupProbe", {"periodSeconds": 1, "failureThreshold": 1e9})
            assert probe["periodSeconds"] * probe["failureThreshold"] > settings.kafka.wait_at_start_s


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_refer_to_is_there(overlay: str) -> None:
    """Config maps, service accounts and services exist; selectors select; the one secret not made is explained."""
    resources = RESOURCES[overlay]
    names = {(each["kind"], each["metadata"]["name"]) for each in resources}
    if overlay != "dev":  # there, the head of the kustomization says how to make it
        names.add(("Secret", "sentiment-secrets"))
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in resources if containers(each)]
    for resource in resources:
        spec = resource.get("spec", {})
        for volume in pod(resource).get("volumes", []):
            assert "configMap" not in volume or ("ConfigMap", volume["configMap"]["name"]) in names
            assert "secret" not in volume or ("Secret", volume["secret"]["secretName"]) in names
        assert (
            "serviceAccountName" not in pod(resource)
            or ("ServiceAccount", pod(resource)["serviceAccountName"]) in names
        )
        assert "serviceName" not in spec or ("Service", spec["serviceName"]) in names
        wanted = _selected(resource)
        assert wanted is None or any(wanted.items() <= each.items() for each in labels), resource["metadata"]


def _selected(resource: Resource) -> dict[str, str] | None:
    """The labels of the pods that a resource means."""
    spec = resource.get("spec", {})
    selector: dict[str, Any] | None = spec.get("selector", spec.get("podSelector"))
    return None if selector is None else selector.get("matchLabels", selector)


def test_the_scaler_has_only_fields_that_it_knows() -> None:
    """KEDA's schema is in no package, so this is a check of ours: fields of ScaledObject v1alpha1 that we use."""
    spec = SCALING["spec"]
    assert set(spec) <= {
        *("scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval"),
        *("cooldownPeriod", "fallback", "advanced", "triggers"),
    }
    assert set(spec["fallback"]) == {"failureThreshold", "replicas", "behavior"}
    [trigger] = spec["triggers"]
    assert set(trigger["metadata"]) == {"serverAddress", "query", "threshold", "ignoreNullValues"}
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert 1 <= spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]
    target = spec["scaleTargetRef"]
    assert (target["kind"], target["name"]) in {(each["kind"], each["metadata"]["name"]) for each in RESOURCES["gpu"]}
    for overlay in ("production", "gpu"):
        [worker] = [each for each in RESOURCES[overlay] if each["kind"] == "StatefulSet"]
        assert "replicas" not in worker["spec"]


@pytest.mark.parametrize(
    ("lags", "expected"),
    [
        (["0", "0"], 0.0),
        (["30", "90"], 120.0),
        (["NaN", "90"], 90.0),
        (["Inf", "30"], 3630.0),
        ([], None),
    ],
)
def test_the_scaler_asks_for_the_seconds_of_work_left(lags: list[str], expected: float | None, tmp_path: Path) -> None:
    """Over all workers; unknown ones are left out, stuck ones count as an hour, and without any there is no answer."""
    promtool = tool("promtool")
    series = [
        {"series": f'sentiment_lag_seconds{{job="sentiment-worker", instance="{n}"}}', "values": f"{lag} {lag}"}
        for n, lag in enumerate(lags)
    ]
    samples = [] if expected is None else [{"labels": "{}", "value": expected}]
    asked = {"expr": QUERY, "eval_time": "1m", "exp_samples": samples}
    tests = tmp_path / "scaling.test.yml"
    tests.write_text(json.dumps({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [asked]}]}))
    checked = run([promtool, "test", "rules", str(tests)])
    assert checked.returncode == 0, checked.stdout + checked.stderr
