"""What a figure was measured on: the instruction set, and what else kept the machine busy."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

import psutil

_INSTRUCTION_SETS = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512f", "avx2", "asimddp")
"""From the fastest for int8 on; the names are those of /proc/cpuinfo."""


def instruction_set(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The fastest instruction set for int8 that the processor has."""
    flags = set(re.findall(r"\w+", cpuinfo.read_text())) if cpuinfo.exists() else set()
    return next((name for name in _INSTRUCTION_SETS if name in flags), "unknown")


class Watch:
    """Cores that programs other than this one and its children kept busy since the start of the watch."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._all, self._ours = _busy_s(), _family_s()

    def others(self) -> float:
        """Busy cores, on average; 0.0 if the machine is ours."""
        elapsed = time.monotonic() - self._started
        busy = (_busy_s() - self._all) - (_family_s() - self._ours)
        return max(0.0, busy / elapsed)


def others_within(seconds: float) -> float:
    """Cores that other programs keep busy; looks for `seconds`."""
    watch = Watch()
    time.sleep(seconds)
    return watch.others()


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def _family_s() -> float:
    this = psutil.Process()
    total = 0.0
    for process in [this, *this.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
