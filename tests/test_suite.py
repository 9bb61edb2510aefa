"""What every test keeps to, so that none fails where nothing is wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.processes import REPOSITORY

TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))
STARTS_PROCESSES = {"tests/processes.py"}


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            yield path, node


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 0)}"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_processes_are_started_in_one_place() -> None:
    """A child that is started elsewhere inherits ignored signals, and outlives the run."""
    started = {
        place(path, node)
        for path, node in nodes()
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {f"subprocess.{name}" for name in ("run", "Popen", "call", "check_output")}
    }
    assert {each for each in started if each.partition(":")[0] not in STARTS_PROCESSES} == set()


def test_nothing_private_is_used_or_patched() -> None:
    """What a test has to reach of ours is a parameter or a public name."""
    used = [place(path, node) for path, node in nodes() for name in named(node) if is_private(name)]
    assert used == []


def named(node: ast.AST) -> list[str]:
    """What a node takes from another module or object: names imported, attributes read, attributes patched."""
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Attribute):
        return [] if ast.unparse(node.value) in {"self", "cls"} else [node.attr]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".setattr"):
        return [str(argument.value) for argument in node.args[:2] if isinstance(argument, ast.Constant)]
    return []


def test_a_sleep_has_a_reason() -> None:
    """A condition is waited for by `wait_until`; where time itself has to pass, a comment says why."""
    bare = []
    for path, node in nodes():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep", "sleep"}:
            lines = path.read_text("utf-8").splitlines()[node.lineno - 3 : node.lineno]
            if not any("# " in line for line in lines):
                bare.append(place(path, node))
    assert bare == []
