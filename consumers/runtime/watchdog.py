"""Ends a process whose loop or handler is stuck, so that a supervisor can restart it and its group can go on."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Callable

import structlog

from consumers.runtime.health import Health

_log = structlog.get_logger(__name__)

_CHECK_S = 1.0


def _die() -> None:
    """End at once: a stuck thread cannot be stopped, and the offsets of unfinished work are not committed."""
    faulthandler.dump_traceback(sys.stderr, all_threads=True)  # shows files and lines, no values
    os._exit(1)


class Watchdog:
    """Checks `health` every second on its own thread. If it is not alive, logs the reason and calls `die`."""

    def __init__(self, health: Health, die: Callable[[], None] = _die, check_s: float = _CHECK_S) -> None:
        self._health = health
        self._die = die
        self._check_s = check_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(self._check_s):
            condition = self._health.alive()
            if not condition.ok:
                _log.error("worker_stuck", reason=condition.reason)
                self._die()
                return
