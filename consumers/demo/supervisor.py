"""Child processes that never outlive their parent, and a folder that is removed with them.

Every child leads its own process group. So Ctrl-C reaches only the parent, which then stops the children in order. A
janitor process holds one end of a pipe: if the parent is killed (`kill -9`), the janitor kills the groups and removes
the folder.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from consumers.demo import janitor
from sentiment.errors import FatalError

_TAIL_LINES = 8
_POLL_S = 0.02


class ChildFailedError(FatalError):
    """A child process ended too early. The hint contains the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Child:
    """A started process. `output` and `log` are the files of its standard output and standard error."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path
    log: Path
    may_end: bool

    @property
    def running(self) -> bool:
        """Whether it is still running."""
        return self.process.poll() is None


class Supervisor:
    """Starts, watches and stops children. Leaving its context kills what is left, and removes `folder`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sentiment-demo-"))
        self._children: list[Child] = []
        self._janitor = subprocess.Popen(
            [sys.executable, "-I", "-S", str(janitor.__file__), str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], *, may_end: bool = False
    ) -> Child:
        """Run `sentiment ARGUMENTS…` as a child. `may_end`: it ends on its own; others run until they are stopped."""
        output, log = self.folder / f"{name}.out", self.folder / f"{name}.log"
        with output.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "sentiment.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=dict(environment),
                start_new_session=True,
            )
        self._tell_janitor("+", process.pid)
        child = Child(name, process, output, log, may_end)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Check all children.

        Raises:
            ChildFailedError: one ended too early, or with an exit code other than 0.
        """
        for child in [child for child in self._children if not child.running]:
            self._reaped(child)
            if child.process.returncode != 0 or not child.may_end:
                raise _failure(child)

    def stop(self, children: Sequence[Child], *, grace_s: float) -> None:
        """Ask the children to end (SIGTERM), wait for `grace_s` seconds at most, then kill those that are left."""
        alive = [child for child in children if child.running]
        for child in alive:
            child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while any(child.running for child in alive) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        for child in alive:
            self._kill(child)
            self._reaped(child)

    def close(self) -> None:
        """Kill what still runs, remove the folder, and return when both are done."""
        for child in list(self._children):
            self._kill(child)
            self._reaped(child)
        self._janitor.communicate()

    def _kill(self, child: Child) -> None:
        if child.running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def _reaped(self, child: Child) -> None:
        if child in self._children:
            self._children.remove(child)
            self._tell_janitor("-", child.process.pid)

    def _tell_janitor(self, sign: str, group: int) -> None:
        if self._janitor.stdin is not None:
            with suppress(BrokenPipeError):
                self._janitor.stdin.write(f"{sign}{group}\n".encode())
                self._janitor.stdin.flush()


def _failure(child: Child) -> ChildFailedError:
    code = child.process.returncode
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    lines = _tail(child.log)
    return ChildFailedError(
        f"the process {child.name} {how}", hint="\n    ".join(["its log ends with", *lines]) if lines else None
    )


def _tail(log: Path) -> list[str]:
    with suppress(OSError):
        return log.read_text("utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    return []
