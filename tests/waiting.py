"""Waiting for a condition: no test sleeps and hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

WITHIN_S = 120.0
"""Seconds. Longer than anything should take on a busy machine, and shorter than the time limit of a test."""

_POLL_S = 0.02


def wait_until(condition: Callable[[], T], what: str | Callable[[], str], within_s: float = WITHIN_S) -> T:
    """Ask `condition` again and again, and return its first true value.

    After `within_s` seconds raises an AssertionError that names `what`. A function is called only then, so that it can
    tell how far things came. A condition may itself raise to give up early, for instance because the process that
    should make it true has ended.
    """
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            named = what if isinstance(what, str) else what()
            raise AssertionError(f"gave up after {within_s:g} s waiting for: {named}")
        time.sleep(_POLL_S)  # between two looks at the condition
    return value
