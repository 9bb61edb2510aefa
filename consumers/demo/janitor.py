"""A script that cleans up after its parent, which may be killed at any moment. It watches the parent through a pipe.

Standard input carries lines of `+ID` for a process group to watch, and `-ID` for one that is gone. When the input ends,
for whatever reason, the script kills the remaining groups and removes the folder that is its only argument. It uses the
standard library only, so that it starts in a few milliseconds and needs little memory.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_DEATH_S = 5.0  # wait for killed processes: one that still writes would put files back into the folder


def surviving(lines: Iterable[str]) -> set[int]:
    """The process groups that are left after all `lines`. An incomplete line is skipped."""
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
    """Wait for the end of standard input, then clean up. Ignores the signals that end the parent."""
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
    """Send a signal. Returns whether there was a process to receive it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
