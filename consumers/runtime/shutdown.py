"""Stop signals: the first asks the process to finish its work, the second ends it."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType


@dataclass(slots=True)
class StopRequest:
    """`event` is set when the process should stop; `interrupted` tells Ctrl-C from a termination."""

    event: threading.Event = field(default_factory=threading.Event)
    interrupted: bool = False


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn SIGTERM and SIGINT into a request while the context lasts. Call it on the main thread."""
    request = StopRequest()
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def ask(number: int, _: FrameType | None) -> None:
        request.interrupted = request.interrupted or number == signal.SIGINT
        _thread.start_new_thread(request.event.set, ())  # the thread that we interrupt may hold the event's lock
        restore()

    for number in previous:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        restore()
