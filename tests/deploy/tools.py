"""Programs that are not Python packages. `tests/apt-packages.txt` lists the Debian packages that bring them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
_PACKAGES = {"promtool": "prometheus", "prometheus": "prometheus"} | dict.fromkeys(
    ("amtool", "prometheus-alertmanager"), "prometheus-alertmanager"
)


def tool(name: str) -> str:
    """Where the program is; the test is skipped, naming the Debian package, on a machine without it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}: apt-get install {_PACKAGES[name]}")
    return found


def documents(path: Path) -> list[dict[str, Any]]:
    """The YAML documents of a file."""
    return [each for each in yaml.safe_load_all(path.read_text("utf-8")) if each is not None]
