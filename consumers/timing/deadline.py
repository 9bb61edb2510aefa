"""Run a call that may wait for ever, for a bounded time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sentiment.errors import DeadlineExceeded

T = TypeVar("T")


def run_with_deadline(call: Callable[[], T], seconds: float, what: str) -> T:
    """What `call` returns or raises, or DeadlineExceeded after `seconds`.

    Python cannot stop a thread: past the deadline the call goes on in the background, as a daemon thread, on objects
    that the caller must not use again.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # noqa: BLE001 handed to the caller, whatever it is
            failure.append(error)

    thread = threading.Thread(target=target, name=f"deadline: {what}", daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if thread.is_alive() or not outcome:
        raise DeadlineExceeded(f"{what} did not return within {seconds:g} s")
    return outcome[0]
