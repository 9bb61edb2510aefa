"""A time limit for calls that may wait for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sentiment.errors import DeadlineExceeded

T = TypeVar("T")


def run_with_deadline(call: Callable[[], T], seconds: float, what: str) -> T:
    """Return or raise what `call` does, or raise DeadlineExceeded after `seconds`.

    Python cannot stop a thread. After the deadline the call goes on in the background, in a daemon thread, so the
    caller must not use the same objects again.
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
