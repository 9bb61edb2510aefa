"""The rules of who may import whom, and what may be imported at start-up."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import run_python

ROOT = Path(__file__).parents[1]
PACKAGES = ("sentiment", "consumers", "training")

FLOORS = {
    "consumers": (
        ("timing", "broker"),
        ("cluster", "rescore"),
        ("runtime", "ingest"),
        ("scoring", "alerting", "notifying", "monitoring", "demo", "backtesting"),
        ("dashboard",),
    ),
    "training": (
        ("data", "explanation", "recipes"),
        ("evaluation", "augmentation"),
        ("exporting", "audit", "review", "cards"),
        ("finetune", "promotion"),
        ("comparison",),
    ),
}
"""The rooms (folders) of a package, from the ground up. A room imports rooms of lower floors only."""

WORKERS = {
    "runtime",
    "scoring",
    "alerting",
    "notifying",
    "ingest",
    "rescore",
    "monitoring",
    "demo",
    "backtesting",
    "dashboard",
}
PURE = (
    "errors",
    "decoding",
    "json_repair",
    "events",
    "progress",
    "terminal",
    "privacy",
    "chunking",
    "batching",
    "calibration",
    "decision",
    "statistics",
    "spikes",
    "drift",
)
PURE_MAY_IMPORT = {"numpy", "msgspec", "sentiment"}
KAFKA_CLIENTS = {"KafkaConsumer", "KafkaProducer", "KafkaAdminClient"}


def modules(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every dotted name that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def top(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def rooms(package: str) -> dict[str, set[str]]:
    """Room → the other rooms of its package that it imports. A file beside the folders is a room too."""
    found: dict[str, set[str]] = {}
    for path in modules(package):
        room = path.relative_to(ROOT / package).parts[0]
        names = [name.split(".") for name in imports(path)]
        found.setdefault(room, set()).update(n[1] for n in names if n[0] == package and len(n) > 1 and n[1] != room)
    found.pop("__init__.py", None)
    return found


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_has_its_floor(package: str) -> None:
    """The list of floors names every folder once, and there is no loose file beside the folders."""
    listed = [room for floor in FLOORS[package] for room in floor]
    assert sorted(listed) == sorted(rooms(package))


@pytest.mark.parametrize("package", FLOORS)
def test_no_import_runs_back_up(package: str) -> None:
    """A room imports only what stands below it, so there is no circle either."""
    floor_of = {room: number for number, floor in enumerate(FLOORS[package]) for room in floor}
    for room, imported in rooms(package).items():
        above = {other for other in imported if floor_of[other] >= floor_of[room]}
        assert not above, f"{package}/{room} imports {above}, which is not below it"


@pytest.mark.parametrize("room", ["timing", "cluster"])
def test_the_ground_knows_no_worker(room: str) -> None:
    """Clients, readers and clocks serve every worker, so they know none of them."""
    assert not rooms("consumers")[room] & WORKERS


def test_the_broker_stands_apart() -> None:
    """Of the pipeline it imports only errors, codecs, durable files and outputs; only its own command imports it."""
    allowed = ("consumers.broker", "sentiment.errors", "sentiment.codecs", "sentiment.durable", "sentiment.outputs")
    for path in modules("consumers/broker"):
        names = {name for name in imports(path) if name.split(".")[0] in PACKAGES}
        foreign = {name for name in names if not name.startswith(allowed)}
        assert not foreign, f"{path}: {foreign}"
    users = {
        path.relative_to(ROOT).as_posix()
        for path in modules(*PACKAGES)
        if "broker" not in path.relative_to(ROOT).parts[:2]
        and any(name.startswith("consumers.broker") for name in imports(path))
    }
    assert users == {"sentiment/cli/broker.py"}


def test_the_core_knows_neither_services_nor_training() -> None:
    """`sentiment` imports `consumers` and `training` only from the command line, which nothing else imports."""
    for path in modules("sentiment"):
        names = imports(path)
        if "cli" in path.relative_to(ROOT).parts:
            continue
        assert not top(names) & {"consumers", "training", "click"}, path
        assert not any(name.startswith("sentiment.cli") for name in names), path


def test_training_and_consumers_stay_apart() -> None:
    """Neither imports the other, and neither imports the command line."""
    for package, other in (("training", "consumers"), ("consumers", "training")):
        for path in modules(package):
            names = imports(path)
            assert other not in top(names), path
            assert not any(name.startswith("sentiment.cli") for name in names), path


@pytest.mark.parametrize("part", PURE)
def test_the_pure_core_is_pure(part: str) -> None:
    """No Kafka, HTTP, metrics, clock, file or environment in it: standard library, numpy and msgspec only."""
    place = ROOT / "sentiment" / part
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    extra = {"phonenumbers", "stdnum"} if part == "privacy" else set()
    for path in files:
        names = imports(path)
        foreign = top(names) - set(sys.stdlib_module_names) - PURE_MAY_IMPORT - extra
        assert not foreign, f"{path}: {foreign}"
        assert not top(names) & {"time", "os", "pathlib", "socket", "subprocess", "logging", "threading"}, path
        calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)}
        assert not calls & {"open", "datetime.now", "datetime.utcnow", "print"}, path


def test_one_file_constructs_kafka_clients() -> None:
    """kafka-python's clients are constructed in consumers/cluster/clients.py only, with its safe settings."""
    users = set()
    for path in modules(*PACKAGES):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        # Called, or handed to something that calls it.
        named = {ast.unparse(part).split(".")[-1] for call in calls for part in (call.func, *call.args)}
        if named & KAFKA_CLIENTS:
            users.add(path.relative_to(ROOT).as_posix())
    assert users == {"consumers/cluster/clients.py"}


def test_one_file_of_serving_imports_torch() -> None:
    """Serving on a CPU needs no torch: one file imports it."""
    users = {
        path.relative_to(ROOT).as_posix()
        for path in modules("sentiment", "consumers")
        if top(imports(path)) & {"torch", "transformers"}
    }
    assert users == {"sentiment/model/torch_backend.py"}


def run(code: str) -> set[str]:
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_help_loads_nothing_heavy() -> None:
    """`sentiment --help` loads click and the command table, so it answers at once."""
    loaded = run(
        "import sys, contextlib, io\n"
        "from sentiment.cli.main import run\n"
        "with contextlib.redirect_stdout(io.StringIO()): assert run(['--help']) == 0\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    assert "click" in loaded
    assert not loaded & {"kafka", "torch", "transformers", "openvino", "pandas", "numpy", "pydantic", "msgspec", "rich"}


def test_the_default_backend_loads_neither_torch_nor_transformers() -> None:
    """Scoring with the shipped model runs on a base install."""
    loaded = run(
        "import sys\n"
        "from sentiment.model.loading import load_model\n"
        "load_model(None, threads=1).predict(['fine'])\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    assert "openvino" in loaded
    assert not loaded & {"torch", "transformers", "scipy", "sklearn"}
