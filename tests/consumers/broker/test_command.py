"""`sentiment broker` as a process: how it says that it is ready, what it refuses, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.broker.wire import Wire
from tests.brokers import free_port
from tests.processes import run, sentiment, start
from tests.waiting import WITHIN_S, wait_until


def _start(*arguments: str, temporary: Path | None = None) -> subprocess.Popen[str]:
    variables = {"TMPDIR": str(temporary)} if temporary else {}
    return start(sentiment("broker", *arguments), variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _run(*arguments: str) -> tuple[int, str, str]:
    done = run(sentiment("broker", *arguments))
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Port 0 takes a free one. A signal ends it with exit code 0, and the temporary folder is gone."""
    port_file = tmp_path / "address"
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = _start("--port", "0", "--port-file", str(port_file), "--topics", "one:2,two:1", temporary=folder)
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    address = line.removeprefix("listening on ")
    assert port_file.read_text() == f"{address}\n"
    assert len(list(folder.iterdir())) == 1
    with Wire(address) as wire:
        assert [wire.offset("one", -1, partition=each)[0] for each in range(3)] == [0, 0, 3]
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, stdout) == (0, "")
    assert "for development" in stderr
    assert "temporary folder" in stderr
    assert list(folder.iterdir()) == []
    assert not port_file.exists()


def test_what_a_killed_broker_left_goes_with_the_next_start(tmp_path: Path) -> None:
    """Its temporary folder holds feedback that nobody can use any more; one whose broker runs stays."""
    processes, folders = [], []
    for _ in range(3):
        process = _start("--port", "0", "--json", temporary=tmp_path)
        assert process.stdout is not None
        processes.append(process)
        folders.append(Path(json.loads(process.stdout.readline())["data_dir"]))
        if len(processes) == 2:
            process.kill()
            process.communicate()
    assert set(tmp_path.iterdir()) == {folders[0], folders[2]}
    for process in processes:
        process.terminate()
        process.communicate()
    assert list(tmp_path.iterdir()) == []


def test_its_folder_is_kept(tmp_path: Path) -> None:
    """With --data-dir the topics are there again, and --json says where everything is."""
    data_dir = tmp_path / "new" / "data"
    for topics in ("kept:3", ""):
        process = _start("--port", "0", "--data-dir", str(data_dir), "--topics", topics, "--json")
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["data_dir"] == str(data_dir)
        with Wire(ready["bootstrap_servers"]) as wire:
            assert wire.offset("kept", -1, partition=2)[0] == 0
        process.terminate()
        process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "serves loopback only"),
        (["--host", "example.org"], "serves loopback only"),
        (["--topics", "no-partitions"], "NAME:PARTITIONS"),
        (["--topics", "zero:0"], "NAME:PARTITIONS"),
        (["--topics", "bad/name:1", "--port", "0"], "topic bad/name"),
        (["--fsync", "sometimes"], "--fsync"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], words: str) -> None:
    """The message says what is wrong, without a traceback."""
    code, stdout, stderr = _run(*arguments)
    assert (code, stdout) == (2, "")
    assert words in stderr
    assert "Traceback" not in stderr


def test_a_port_in_use_is_exit_code_1(tmp_path: Path) -> None:
    """One line says which port, and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, stdout, stderr = _run("--port", str(port), "--data-dir", str(tmp_path / "data"))
    assert (code, stdout) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}: address already in use" in stderr
    assert "Traceback" not in stderr


def test_a_folder_in_use_is_exit_code_1(tmp_path: Path) -> None:
    """Two brokers would destroy each other's log."""
    first = _start("--port", str(free_port()), "--data-dir", str(tmp_path))
    try:
        wait_until(lambda: (tmp_path / "cluster-id").exists(), "the first broker has the folder")
        code, stdout, stderr = _run("--port", "0", "--data-dir", str(tmp_path))
        assert (code, stdout) == (1, "")
        assert "in use by another broker" in stderr
    finally:
        first.terminate()
        first.communicate(timeout=WITHIN_S)
