"""The children of the tests are alike, however the tests are run."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest

from tests.processes import run_python, start
from tests.waiting import wait_until


@pytest.mark.parametrize("ours", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_child_can_be_interrupted_though_the_run_cannot(ours: signal.Handlers) -> None:
    """A run in the background of a script ignores SIGINT; what it starts does not."""
    before = signal.signal(signal.SIGINT, ours)
    try:
        said = run_python("import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)")
    finally:
        signal.signal(signal.SIGINT, before)
    assert said.stdout == "True\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_a_child_ends_with_the_run() -> None:
    """A run that is killed without a chance to clean up leaves no process behind."""
    code = (
        "import signal, sys\nfrom tests.processes import start\n"
        "print(start([sys.executable, '-c', 'import signal; signal.pause()']).pid, flush=True)\nsignal.pause()"
    )
    parent = start([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the end of the child")
