"""Is the process well? The state behind `/healthz` and `/readyz`, written by the loop and read by anyone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from consumers.timing.clock import Clock


@dataclass(frozen=True, slots=True)
class Condition:
    """An answer to a probe: good or not, and why in a word or two."""

    ok: bool
    reason: str


class Health:
    """Beats of the loop, and whether it is in its group. Thread-safe.

    Alive means that the loop turned, and the handler answered, within `stuck_after_s`; a process that is not alive
    should be restarted. Ready means that it is a member of its group and works.
    """

    def __init__(self, clock: Clock, *, stuck_after_s: float) -> None:
        self._clock = clock
        self._stuck_after_s = stuck_after_s
        self._lock = threading.Lock()
        self._beat_s = clock.monotonic()
        self._phase = "starting"
        self._handler_running_for: Callable[[], float] = lambda: 0.0

    def watch_handler(self, running_for: Callable[[], float]) -> None:
        """Tell where to ask how many seconds the present handler call has been running."""
        with self._lock:
            self._handler_running_for = running_for

    def beat(self) -> None:
        """The loop turned."""
        with self._lock:
            self._beat_s = self._clock.monotonic()

    def enter(self, phase: str) -> None:
        """The loop is in `phase` now: `starting`, `joining`, `ready`, `recovering`, `draining` or `stopped`."""
        with self._lock:
            self._phase = phase

    def alive(self) -> Condition:
        """Whether the loop turns."""
        with self._lock:
            silent_s = self._clock.monotonic() - self._beat_s
            handler_s = self._handler_running_for()
        if silent_s > self._stuck_after_s:
            return Condition(False, f"the loop has not turned for {silent_s:.0f} s")
        if handler_s > self._stuck_after_s:
            return Condition(False, f"the handler has been busy for {handler_s:.0f} s")
        return Condition(True, "ok")

    def ready(self) -> Condition:
        """Whether work is being done, or would be if there were any."""
        alive = self.alive()
        if not alive.ok:
            return alive
        with self._lock:
            return Condition(self._phase == "ready", self._phase)
