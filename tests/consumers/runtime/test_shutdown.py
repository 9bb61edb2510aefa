"""A stop signal becomes a request whatever the main thread is doing, and a client that fails to close harms nobody."""

from __future__ import annotations

import signal
import threading

import pytest

from consumers.cluster.closing import close_quietly
from consumers.runtime.shutdown import stop_on_signals
from tests.waiting import WITHIN_S


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_becomes_a_request(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as request:
        signal.raise_signal(number)
        assert request.event.wait(WITHIN_S)
        assert request.interrupted == (number is signal.SIGINT)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("error", [ValueError("Invalid file descriptor: -1"), RuntimeError(), KeyError(7)])
def test_whatever_a_client_raises_while_it_closes_ends_nothing(error: Exception) -> None:
    closed = []

    def close() -> None:
        closed.append(True)
        raise error

    close_quietly("consumer", close)
    assert closed


def test_a_client_that_does_not_close_is_left_behind() -> None:

    never = threading.Event()
    close_quietly("consumer", never.wait, wait_s=0.01)
    assert not never.is_set()
