"""Closing Kafka clients that nobody uses afterwards."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from consumers.timing.deadline import run_with_deadline

_log = structlog.get_logger(__name__)

CLOSE_S = 5.0


def close_quietly(what: str, close: Callable[[], object], wait_s: float = CLOSE_S) -> None:
    """Call `close`, wait at most `wait_s` seconds, and only log a failure.

    What mattered is committed by then, so a fault of the client while it closes must not end a service with an error.
    """
    try:
        run_with_deadline(close, wait_s, what)
    except Exception as error:  # noqa: BLE001 the client raises more than its own errors while it closes
        _log.debug("client_close_failed", client=what, error=type(error).__name__)
