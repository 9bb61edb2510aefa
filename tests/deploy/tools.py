"""Programs that are not Python packages. `tests/apt-packages.txt` lists the Debian packages that bring them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from sentiment.cli.main import cli
from tests.processes import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
BOARDS = sorted((DEPLOY / "grafana" / "boards").glob("*.json"))
_PACKAGES = {"promtool": "prometheus", "prometheus": "prometheus", "chromium": "chromium"} | dict.fromkeys(
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


def panels(board: Path) -> list[dict[str, Any]]:
    """The panels of a Grafana board, without the rows that divide them."""
    return [each for each in json.loads(board.read_text("utf-8"))["panels"] if each["type"] != "row"]


def parsed(words: Sequence[str]) -> None:
    """Let the real command line read `sentiment WORDS…` without running it; click.UsageError if it cannot be typed.

    Files of the container need not be here, so the value of `--config` is not looked at.
    """
    command: click.Command = cli
    rest = list(words)
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"no command {rest[0]}"
        command, rest = found, rest[1:]
    if "--config" in rest:
        at = rest.index("--config")
        rest[at + 1] = str(DEPLOY / "sentiment.example.toml")
    command.make_context(command.name, rest)
