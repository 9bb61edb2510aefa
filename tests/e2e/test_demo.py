"""`sentiment demo`, from the outside."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from consumers.demo.stream import bundled_stream
from tests.processes import run, sentiment, start
from tests.waiting import WITHIN_S, wait_until


@pytest.mark.slow
def test_the_bundled_stream_is_scored_exactly_once_and_its_incident_alerted(tmp_path: Path) -> None:
    """The demo exits with 0; its summary on stdout counts every event once and the one alert; nothing is left over."""
    rows = bundled_stream().rows
    done = run(sentiment("demo", "--json"), {"TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["passed"] is True
    assert summary["incident_found"] is True
    assert summary["published"] == summary["events"] == summary["results"] == summary["distinct"] == rows
    assert [summary[name] for name in ("doubled", "missing", "dead_letters", "rejected")] == [0, 0, 0, 0]
    assert [episode["product"] for episode in summary["episodes"]] == ["Checkout app"]
    assert sum(summary["labels"].values()) == rows
    assert len(summary["products"]) == 3
    assert "FIRING" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_file_is_replayed_and_alerts_do_not_decide(tmp_path: Path) -> None:
    """A CSV with other column names and a bad row: exit code 0, and the bad row is counted as rejected."""
    file = tmp_path / "reviews.csv"
    rows = "".join(f'{number},"the app is great, number {number}"\n' for number in range(30))
    file.write_text(f"n,body\n{rows}30,\n")
    done = run(sentiment("demo", "--input", file, "--text-field", "body", "--id-field", "n"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("30 events in, 30 results, 30 distinct, 0 doubled, 0 missing, 0 dead letters")
    assert "1 row could not be published" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", "no-such-file.csv"], "no-such-file.csv"),
        (["--input", __file__], "--format"),
        (["--input", "-"], "pipe"),
        (["--text-field", "x"], "--input"),
        (["--model", "no-such-model"], "no-such-model"),
        (["--speed", "0"], "--speed"),
    ],
)
def test_a_wrong_call_starts_nothing(arguments: list[str], said: str) -> None:
    """A missing file, an unknown format, a pipe or a missing model: exit code 2 and one clear line, nothing started."""
    done = run(sentiment("demo", *arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert "starting" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_ended_takes_its_children_along(number: signal.Signals, tmp_path: Path) -> None:
    """However the demo is ended, no process and no folder of it remain; an interrupted one says so by its code."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    demo = start(sentiment("demo"), {"TMPDIR": str(tmp_path)}, **quiet)
    parent = psutil.Process(demo.pid)

    def complete() -> bool:
        assert demo.poll() is None
        return len(parent.children()) == 6  # janitor, broker, two workers, alerts, notifier

    wait_until(complete, "all children")
    family = parent.children(recursive=True)
    demo.send_signal(number)
    assert demo.wait(timeout=WITHIN_S) == (-9 if number == signal.SIGKILL else 130)
    _, alive = psutil.wait_procs(family, timeout=WITHIN_S)
    assert alive == []
    wait_until(lambda: not list(tmp_path.iterdir()), "the removal of the folder")
