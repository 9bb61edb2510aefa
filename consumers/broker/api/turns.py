"""Long work in turns, so that other connections are served in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def in_turns(items: Iterable[T], at_once: int, cost: Callable[[T], int] = lambda _: 1) -> AsyncIterator[T]:
    """All `items`, with a pause after each `at_once` of their cost."""
    spent = 0
    for each in items:
        if spent >= at_once:
            await asyncio.sleep(0)  # for the others
            spent = 0
        spent += cost(each)
        yield each
