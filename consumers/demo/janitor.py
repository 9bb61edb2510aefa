"""Cleans up after a process that may be killed at any moment: run as a script, watching its parent through a pipe.

Standard input carries `+ID` and `-ID` lines: process groups to look after, and those that are gone. When it ends, for
whatever reason, the groups left are killed and the folder named as the only argument is removed. Standard library
only, so that it starts in a few milliseconds and nothing heavy stays in memory.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_DEATH_S = 5.0  # a killed process that is still writing would put files back into the folder


def surviving(lines: Iterable[str]) -> set[int]:
    """The process groups still to be looked after, once all of `lines` are read. A line cut short is passed over."""
    groups: set[int] = set()
    for line in lines:
        sign, number = line[:1], line[1:-1]
        if not line.endswith("\n") or not number.isdigit():
            continue
        if sign == "+":
            groups.add(int(number))
        else:
            groups.discard(int(number))
    return groups


def main() -> None:
    """Wait for the end of standard input, then clean up. Signals that end the parent must not end this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left = surviving(sys.stdin)
    for group in left:
        _signal(group, signal.SIGKILL)
    deadline = time.monotonic() + _DEATH_S
    while any(_signal(group, 0) for group in left) and time.monotonic() < deadline:
        time.sleep(0.01)
    shutil.rmtree(Path(sys.argv[1]), ignore_errors=True)


def _signal(group: int, number: int) -> bool:
    """Send a signal; whether there was anyone to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
