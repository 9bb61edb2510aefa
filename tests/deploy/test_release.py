"""Workflows and hooks call what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.deploy.tools import documents
from tests.processes import REPOSITORY

TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE))
[WORKFLOW] = documents(REPOSITORY / ".github" / "workflows" / "ci.yml")
HIDDEN = [
    *sorted((REPOSITORY / ".github").rglob("*.yml")),
    REPOSITORY / ".pre-commit-config.yaml",
]


@pytest.mark.parametrize("path", HIDDEN, ids=lambda path: path.name)
def test_files_are_yaml(path: Path) -> None:
    """Each is one document with something in it."""
    [document] = documents(path)
    assert document


def test_the_workflow_calls_targets_of_the_makefile() -> None:
    """Every `make …` of a step is there, and every target that CI needs is called."""
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    called = {
        word
        for step in steps
        for words in re.findall(r"^make (.+)$", step.get("run", ""), re.M)
        for word in words.split()
    }
    assert called <= TARGETS
    assert {"lint", "test", "dist"} <= called


def test_the_workflow_has_no_rights_and_no_open_ends() -> None:
    """Jobs may read, have a time limit, and name versions of the actions that they use."""
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for job in WORKFLOW["jobs"].values():
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))


def test_the_workflow_tries_every_python_that_the_makefile_takes() -> None:
    """From the oldest that the project asks for to the newest that it has wheels for."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    versions = WORKFLOW["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={versions[0]}"
    assert versions == [f"3.{minor}" for minor in range(11, 15)]
