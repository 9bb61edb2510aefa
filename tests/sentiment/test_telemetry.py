"""The libraries are told to stay silent before any of them is imported, and they heed it."""

from __future__ import annotations

from types import ModuleType

import pytest

from sentiment.telemetry import BLOCKED, OVERRIDES, VARIABLES, apply
from tests.processes import run_python

OPPOSITES = dict.fromkeys(VARIABLES, "0") | {
    "HF_UPDATE_DOWNLOAD_COUNTS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "false",
    "RAY_USAGE_STATS_ENABLED": "1",
    "GRADIO_ANALYTICS_ENABLED": "True",
}


def run(code: str) -> list[str]:
    """The words that `code` prints in a process of its own, whose environment asks for telemetry."""
    environment = {**OPPOSITES, "PATH": "/usr/bin:/bin", **dict.fromkeys(OVERRIDES, "true")}
    done = run_python(code, environment=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_variable_that_asks_for_telemetry_is_overruled() -> None:
    """Whatever the user had there, less is said than before."""
    environment = {**OPPOSITES, **dict.fromkeys(OVERRIDES, "true")}
    apply(environment, {})
    assert environment == VARIABLES


def test_other_variables_stay() -> None:
    """Hosts that the user names, and stricter wishes, are respected."""
    own = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "https://hub.example", "MLFLOW_TRACKING_URI": "https://runs.example"}
    environment = dict(own)
    apply(environment, {})
    assert environment == own | VARIABLES


def test_a_loaded_reporter_is_taken_away() -> None:
    """Also where it was imported before us, nobody gets it any more."""
    modules = {name: ModuleType(name) for name in BLOCKED}
    apply({}, modules)
    assert set(modules.values()) == {None}


@pytest.mark.parametrize("package", ["sentiment", "consumers", "training"])
def test_importing_a_package_switches_off(package: str) -> None:
    """No module of ours can import a library before."""
    said = run(
        f"import os, {package}\n"
        "try:\n    import openvino_telemetry\nexcept ImportError:\n    print('blocked')\n"
        f"print(*(os.environ.get(name) for name in {[*VARIABLES, *OVERRIDES]!r}))"
    )
    assert said == ["blocked", *VARIABLES.values(), *("None" for _ in OVERRIDES)]


@pytest.mark.slow
def test_the_libraries_heed_it() -> None:
    """Each library's own switch is off: a release that renames its variable fails here."""
    said = run(
        "import sentiment, datasets.config, huggingface_hub.constants, mlflow.telemetry.utils, nncf.telemetry\n"
        "import openvino.tools.ovc.telemetry_utils as ovc\n"
        "print(huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY, datasets.config.HF_UPDATE_DOWNLOAD_COUNTS)\n"
        "print(mlflow.telemetry.utils.is_telemetry_disabled())\n"
        "print(type(nncf.telemetry.telemetry).__name__, ovc.tm.__name__)"
    )
    assert said == ["True", "False", "True", "MagicMock", "openvino.tools.ovc.telemetry_stub"]
