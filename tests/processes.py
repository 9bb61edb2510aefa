"""Starting programs as processes of their own. Every test that needs one starts it here.

A child gets the default signals, whatever this run ignores: a shell that runs a script lets its background jobs ignore
SIGINT, and children inherit that. On Linux a child is killed with the run, however the run ends. Start it in the main
thread: Linux takes the end of the thread that started it for the end of the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests import child

REPOSITORY = Path(__file__).resolve().parent.parent


def sentiment(*arguments: str | Path) -> list[str]:
    """The command line of `sentiment ARGUMENTS…` as this checkout has it."""
    return [sys.executable, "-m", "sentiment.cli", *map(str, arguments)]


def start(
    command: Sequence[str], variables: Mapping[str, str] | None = None, *, cwd: Path = REPOSITORY, **options: Any
) -> subprocess.Popen[Any]:
    """Start `command` with further environment `variables`; `options` are those of `subprocess.Popen`."""
    return subprocess.Popen(_as_child(command), env={**os.environ, **(variables or {})}, cwd=cwd, **options)


def run(
    command: Sequence[str],
    variables: Mapping[str, str] | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    stdin: str = "",
    cwd: Path = REPOSITORY,
) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end, which the time limit of the test bounds; its exit code, and what it printed.

    It has the variables of `environment` and further `variables`.
    """
    return subprocess.run(
        _as_child(command),
        env={**environment, **(variables or {})},
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def run_python(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter with these `sys.argv[1:]`; `options` are those of `run`."""
    return run([sys.executable, "-c", code, *arguments], **options)


def _as_child(command: Sequence[str]) -> list[str]:
    return [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), *command]
