"""Children never outlive their parent, and no files are left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from consumers.demo.janitor import surviving
from consumers.demo.supervisor import ChildFailedError, Supervisor
from tests.processes import start
from tests.waiting import WITHIN_S, wait_until

BROKER = ["broker", "--port=0"]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_that_fails_is_named_with_the_end_of_its_log() -> None:
    """A child that fails is reported with its name, its exit code and the end of its log."""
    with Supervisor() as supervisor:
        child = supervisor.start("odd-one", ["schema", "no-such-schema"], os.environ, may_end=True)
        wait_until(lambda: not child.running, "its end")
        with pytest.raises(ChildFailedError, match="odd-one ended with exit code 2") as caught:
            supervisor.check()
    assert "no-such-schema" in (caught.value.hint or "")


@pytest.mark.parametrize("may_end", [True, False])
def test_an_end_that_was_not_asked_for_is_a_failure_only_of_a_service(may_end: bool) -> None:
    """A child that ends with exit code 0 is a failure unless it may end."""
    with Supervisor() as supervisor:
        child = supervisor.start("short", ["schema"], os.environ, may_end=may_end)
        wait_until(lambda: not child.running, "its end")
        if may_end:
            supervisor.check()
        else:
            with pytest.raises(ChildFailedError, match="short ended with exit code 0"):
                supervisor.check()
        assert "sentiment" in child.output.read_text()


def test_leaving_stops_children_and_removes_the_folder() -> None:
    """After the block no child runs, and the folder is gone."""
    with Supervisor() as supervisor:
        address = supervisor.folder / "address"
        child = supervisor.start("broker", [*BROKER, f"--port-file={address}"], os.environ)
        wait_until(address.exists, "the broker")
    assert not child.running
    assert not supervisor.folder.exists()


def test_stopping_is_orderly() -> None:
    """A child that is stopped has time to end on its own with exit code 0, which is not a failure."""
    with Supervisor() as supervisor:
        address = supervisor.folder / "address"
        child = supervisor.start("broker", [*BROKER, f"--port-file={address}"], os.environ)
        wait_until(address.exists, "the broker")
        supervisor.stop([child], grace_s=WITHIN_S)
        supervisor.check()
    assert child.process.returncode == 0


PARENT = """
import os, signal
from consumers.demo.supervisor import Supervisor
from tests.waiting import wait_until
supervisor = Supervisor()
address = supervisor.folder / "address"
child = supervisor.start("broker", ["broker", "--port=0", f"--port-file={address}"], os.environ)
wait_until(address.exists, "the broker")
print(supervisor.folder, child.process.pid, flush=True)
signal.pause()
"""


def test_kill_minus_nine_of_the_parent_takes_everything_along() -> None:
    """If the parent is killed without a chance to clean up, its children are killed and its folder is removed."""
    with start([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        folder, pid = parent.stdout.readline().split()
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: gone(int(pid)), "the end of the child")
    wait_until(lambda: not Path(folder).exists(), "the removal of the folder")


def test_the_janitor_looks_after_groups_that_are_not_taken_back() -> None:
    """Lines add and remove groups. A line that a kill cut short is ignored."""
    assert surviving(["+12\n", "+7\n", "-12\n", "+345"]) == {7}
