"""The state behind `/healthz` and `/readyz`. The loop writes it, probes read it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from consumers.timing.clock import Clock


@dataclass(frozen=True, slots=True)
class Condition:
    """An answer to a probe, with a short reason."""

    ok: bool
    reason: str


class Health:
    """Whether the loop runs, is a member of its group, and has Kafka. Thread-safe.

    Alive: the loop turned, and the handler returned, within `stuck_after_s`. Restart a process that is not alive.
    Ready: the process is a member of its group and works, and Kafka answers.
    """

    def __init__(self, clock: Clock, *, stuck_after_s: float) -> None:
        self._clock = clock
        self._stuck_after_s = stuck_after_s
        self._lock = threading.Lock()
        self._beat_s = clock.monotonic()
        self._phase = "starting"
        self._handler_running_for: Callable[[], float] = lambda: 0.0
        self._kafka_away_for: Callable[[], float] = lambda: 0.0

    @property
    def stuck_after_s(self) -> float:
        """A loop or handler that is silent for longer is not alive."""
        return self._stuck_after_s

    def watch_handler(self, running_for: Callable[[], float]) -> None:
        """Set the function that tells for how many seconds the current handler call has been running."""
        with self._lock:
            self._handler_running_for = running_for

    def watch_kafka(self, away_for: Callable[[], float]) -> None:
        """Set the function that tells for how many seconds Kafka has been away."""
        with self._lock:
            self._kafka_away_for = away_for

    def beat(self) -> None:
        """The loop turned."""
        with self._lock:
            self._beat_s = self._clock.monotonic()

    def enter(self, phase: str) -> None:
        """The loop is now in `phase`: `starting`, `joining`, `ready`, `recovering`, `waiting for Kafka`, `draining`,
        `leaving` or `stopped`.
        """
        with self._lock:
            self._phase = phase

    def alive(self) -> Condition:
        """Whether the loop turns and the handler returns."""
        with self._lock:
            silent_s = self._clock.monotonic() - self._beat_s
            handler_s = self._handler_running_for()
        if silent_s > self._stuck_after_s:
            return Condition(False, f"the loop has not turned for {silent_s:.0f} s")
        if handler_s > self._stuck_after_s:
            return Condition(False, f"the handler has been busy for {handler_s:.0f} s")
        return Condition(True, "ok")

    def ready(self) -> Condition:
        """Whether the process works, or would if there were work."""
        alive = self.alive()
        if not alive.ok:
            return alive
        with self._lock:
            phase, away_s = self._phase, self._kafka_away_for()
        if away_s > 0:
            return Condition(False, f"Kafka has not answered for {away_s:.0f} s")
        return Condition(phase == "ready", phase)
