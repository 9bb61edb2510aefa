"""No command reaches a host that the user did not name, or leaves a trace of itself in the home folder.

Python's own sockets are watched in every process (see `witness/sitecustomize.py`), and where strace is there, those of
native code too.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import processes
from tests.brokers import DevBroker
from tests.training import tiny

WITNESS = Path(__file__).with_name("witness")
ELSEWHERE = "192.0.2.1"
"""An address that belongs to nobody (RFC 5737)."""

CACHES = {".cache/matplotlib"}
"""What libraries may keep at home: matplotlib's list of the fonts here."""


@dataclass
class Watched:
    """Runs commands with an empty home folder, and says where they tried to go."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.home.mkdir()

    def run(self, *command: str, flags: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run Python with `command`, without the variables of this process that could silence a library."""
        kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("OPENBLAS_")}
        own = {"HOME": str(self.home), "XDG_STATE_HOME": str(self.folder / "state")}
        own |= {"PYTHONPATH": str(WITNESS), "WITNESS": str(self.folder / "attempts")}
        traced = [*strace(self.folder), sys.executable, *flags, *command]
        return processes.run(traced, own | self.variables, environment=kept, cwd=self.folder)

    def sentiment(self, *arguments: str) -> None:
        """Run a command that has to end well, without an attempt to go anywhere and without a trace at home."""
        done = self.run("-m", "sentiment.cli", *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        assert self.attempts() == [], arguments
        assert self.at_home() == [], arguments

    def attempts(self) -> list[str]:
        """All attempts so far to reach another machine or to look up its name."""
        witnessed, traced = self.folder / "attempts", self.folder / "trace"
        found = witnessed.read_text().splitlines() if witnessed.exists() else []
        lines = traced.read_text(errors="replace").splitlines() if traced.exists() else []
        return found + [line for line in lines if not all(map(is_here, addresses(line)))]

    def at_home(self) -> list[str]:
        """The files in the home folder that are no caches."""
        files = (path.relative_to(self.home) for path in self.home.rglob("*") if not path.is_dir())
        return [str(path) for path in files if not any(path.is_relative_to(cache) for cache in CACHES)]


def addresses(call: str) -> list[str]:
    """The internet addresses in a line of strace."""
    return [four or six for four, six in re.findall(r'inet_addr\("([^"]+)"|inet_pton\(AF_INET6, "([^"]+)"', call)]


def is_here(address: str) -> bool:
    """Whether an internet address is this machine's."""
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or parsed.is_unspecified


def strace(folder: Path) -> list[str]:
    """The prefix that also watches native code, where that can be done; it adds to one file."""
    options = ["-f", "-qq", "--seccomp-bpf", "-A", "-e", "signal=none", "-e", "trace=connect,sendto,sendmsg,sendmmsg"]
    return ["strace", *options, "-o", str(folder / "trace")] if _can_trace(*options) else []


@functools.cache
def _can_trace(*options: str) -> bool:
    command = ["strace", *options, "-o", os.devnull, "true"]
    return shutil.which("strace") is not None and processes.run(command).returncode == 0


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Commands whose every attempt to go anywhere is seen."""
    return Watched(tmp_path)


def rows(path: Path, count: int, seed: int) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in tiny.rows(count, seed)))
    return str(path)


CONNECT = f"import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('{ELSEWHERE}', 9))"  # sends nothing


def test_the_witness_sees_python(watched: Watched) -> None:
    """A connection, a look-up of a name, and those of a child process are seen and refused."""
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CONNECT!r}])"
    for program in (CONNECT, "import socket; socket.getaddrinfo('host.invalid', 443)", child):
        before = len(watched.attempts())
        done = watched.run("-c", program)
        assert "refused by the test" in done.stderr
        assert len(watched.attempts()) == before + 1


@pytest.mark.skipif(not strace(Path()), reason="strace cannot be used here")
def test_the_witness_sees_native_code(watched: Watched) -> None:
    """A connection is seen also where Python's hook is not told of it."""
    assert watched.run("-c", CONNECT, flags=["-S"]).returncode == 0
    assert [addresses(line) for line in watched.attempts()] == [[ELSEWHERE]]


def test_the_witness_sees_what_is_switched_off(watched: Watched) -> None:
    """Without us, the inference runtime reports that it was imported, and leaves an id at home."""
    assert watched.run("-c", "import openvino").returncode == 0
    assert watched.attempts()
    assert watched.at_home()


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["score", "the app is great"],
        ["explain", "the app is great"],
        ["rescore", "rows.jsonl", "--output", "scored.parquet"],
        ["evaluate", "rows.jsonl", "--report", "report.html", "--resamples", "100"],
        ["demo", "--input", "rows.jsonl"],  # broker, ingest, workers, alerts and notifier
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_with_the_shipped_model_stay_here(watched: Watched, arguments: list[str]) -> None:
    """Nothing is looked up or connected to besides this machine, and nothing is left at home."""
    rows(watched.folder / "rows.jsonl", 30, seed=1)
    watched.sentiment(*arguments)


@pytest.mark.slow
def test_services_reach_the_broker_that_is_named_and_nothing_else(watched: Watched, dev_broker: DevBroker) -> None:
    """Worker and monitor read from the broker of --bootstrap-servers."""
    named = ["--bootstrap-servers", dev_broker.bootstrap, "--until-idle", "0.5"]
    watched.variables = {
        f"SENTIMENT_TOPICS__{topic}": f"private-{topic.lower()}" for topic in ("FEEDBACK", "SENTIMENT", "DEAD_LETTER")
    }
    watched.sentiment("worker", *named, "--group-id", "private")
    watched.sentiment("monitor", *named)


@pytest.mark.slow
def test_the_life_of_a_model_stays_here(watched: Watched) -> None:
    """Training with a tracker, exporting, calibrating, comparing and promoting reach nobody."""
    train, held_out = rows(watched.folder / "train.jsonl", 120, 1), rows(watched.folder / "dev.jsonl", 60, 2)
    tiny.save_backbone(watched.folder / "backbone")
    steps = ["--max-steps", "4", "--batch-size", "16", "--max-length", "32", "--lora-rank", "2", "--tracker", "mlflow"]
    watched.sentiment("train", train, "--validation", held_out, "--backbone", "backbone", "--output", "model", *steps)
    watched.sentiment("export", "model", "--output", "exported", "--calibration-file", held_out)
    watched.sentiment("calibrate", held_out, "--model", "model", "--plot", "reliability.svg")
    quick = ["--rounds", "1", "--singles", "4", "--timed-texts", "16", "--resamples", "100", "--no-fairness"]
    watched.sentiment("compare", held_out, "--model", "a=model", "--model", "b=exported", *quick)
    watched.sentiment("models", "promote", "registry", "model", "--data", held_out, "--audit", "off", "--force")


@contextmanager
def hub() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The address of a hub that has nothing, and the path and user agent of each request that it gets."""
    requests: list[tuple[str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers["user-agent"]))
            self.send_response(404)
            self.end_headers()

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["score", "--model", "owner/name", "fine"], "/api/models/owner/name"),
        (["evaluate", "hub:owner/name"], "/datasets/owner/name"),
    ],
    ids=["model", "data set"],
)
def test_a_hub_that_is_asked_for_is_reached(watched: Watched, arguments: list[str], path: str) -> None:
    """The hub is asked for what the user named and for nothing else, and is not told what started us."""
    with hub() as (address, requests):
        watched.variables = {"HF_ENDPOINT": address, "AI_AGENT": "some-tool"}
        assert watched.run("-m", "sentiment.cli", *arguments).returncode == 2
    assert requests
    assert all(asked.startswith(path) and "some-tool" not in agent for asked, agent in requests), requests
    assert watched.attempts() == []
