"""What is built is what is meant to be installed."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from tests.processes import run

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_holds_exactly_the_three_packages(tmp_path: Path) -> None:
    """Every tracked file of the three packages is in the wheel, and nothing else but its metadata."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    built = run(build)
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = {name for name in names if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in packages} == {"sentiment", "consumers", "training"}
    listed = run(["git", "ls-files", "sentiment", "consumers", "training"])
    tracked = set(listed.stdout.split()) if listed.returncode == 0 else set()
    assert tracked <= packages
    assert any(name.startswith("sentiment/assets/model/") for name in packages)
    assert any(name.startswith("sentiment/assets/demo/") for name in packages)
