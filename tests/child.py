"""Become another program with default signals, and end with the test run: `child.py RUN_PID PROGRAM ARGUMENTS…`.

Run as a script by `tests.processes`. The standard library alone and no site-packages, so that it takes a few
hundredths of a second.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Replace this process; its id and its files stay."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):  # the last two Python itself ignores
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":  # elsewhere a run that is killed leaves its children behind
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            sys.exit("the run ended before its child had begun")
    os.execvp(command[0], command)  # noqa: S606 no shell is wanted


if __name__ == "__main__":
    main()
