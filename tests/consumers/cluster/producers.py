"""A transactional producer for tests: a real one or a fake, with faults where the script says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from kafka.errors import KafkaTimeoutError

STEPS = ("init_transactions", "begin_transaction", "send", "flush", "send_offsets_to_transaction", "commit_transaction")

Fault = Callable[[Callable[[], Any]], Any]
"""Gets the real call; makes it or not, and returns or raises what the caller shall see."""


def refuse(error: Exception) -> Fault:
    """The call is not made, and fails."""

    def fault(_: Callable[[], Any]) -> Any:
        raise error

    return fault


def make_then_fail(error: Exception) -> Fault:
    """The call takes effect, but its answer is lost."""

    def fault(call: Callable[[], Any]) -> Any:
        call()
        raise error

    return fault


def hang(released: threading.Event, *, takes_effect: bool) -> Fault:
    """The call does not return (until the test ends), with or without having taken effect."""

    def fault(call: Callable[[], Any]) -> Any:
        if takes_effect:
            call()
        released.wait()

    return fault


class Sent:
    """The future of a record that is not really sent: confirmed, or expired."""

    is_done = True

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def succeeded(self) -> bool:
        """Whether it was confirmed."""
        return self._error is None

    def get(self, timeout: float) -> None:
        """Raise if it was not confirmed."""
        if self._error is not None:
            raise self._error


def lose_record(_: Callable[[], Any]) -> Any:
    """A send whose batch expires, while the transaction continues without it."""
    return Sent(KafkaTimeoutError("Batch expired"))


class ScriptedProducer:
    """Forwards calls to `real` (or to nothing), with the fault that the script has for a step, and notes every step."""

    def __init__(self, faults: Mapping[str, Fault] | None = None, real: Any = None) -> None:
        self.steps: list[str] = []
        self.sent: list[Any] = []
        self.unfinished_at_commit = 0
        self._faults = dict(faults or {})
        self._real = real

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in (*STEPS, "abort_transaction", "close"):
            raise AttributeError(name)

        def step(*args: Any, **kwargs: Any) -> Any:
            self.steps.append(name)
            if name in ("send_offsets_to_transaction", "commit_transaction"):
                self.unfinished_at_commit += sum(not (future.is_done and future.succeeded()) for future in self.sent)
            outcome = self._faults.get(name, lambda call: call())(lambda: self._call(name, args, kwargs))
            if name == "send":
                self.sent.append(outcome)
            return outcome

        return step

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._real is not None:
            return getattr(self._real, name)(*args, **kwargs)
        return Sent() if name == "send" else None
