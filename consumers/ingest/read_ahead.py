"""Reads a pipe ahead in a thread, within bounds, and says when nothing comes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

IDLE_S = 0.2
"""Rows from a slow pipe are published when no other row has come for this long."""

AHEAD_ITEMS = 1_000
AHEAD_BYTES = 4 * 1024 * 1024


class _End:
    """Nothing comes after it. An `error` is why."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Ahead(Generic[T]):
    """What one thread has read and another has not taken yet. An item that is larger than all bounds waits alone."""

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._items: deque[tuple[T | _End, int]] = deque()
        self._n_bytes = 0
        self._changed = threading.Condition()

    def put(self, item: T | _End, n_bytes: int) -> None:
        """Add an item, once there is room for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(n_bytes))
            self._items.append((item, n_bytes))
            self._n_bytes += n_bytes
            self._changed.notify_all()

    def take(self, wait_s: float) -> T | _End | None:
        """The next item; None if there is none after `wait_s` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._items, wait_s):
                return None
            item, n_bytes = self._items.popleft()
            self._n_bytes -= n_bytes
            self._changed.notify_all()
            return item

    def _has_room(self, n_bytes: int) -> bool:
        if not self._items:
            return True
        return len(self._items) < self._max_items and self._n_bytes + n_bytes <= self._max_bytes


def with_idle_marks(
    items: Iterable[T],
    n_bytes: Callable[[T], int],
    *,
    idle_s: float = IDLE_S,
    max_items: int = AHEAD_ITEMS,
    max_bytes: int = AHEAD_BYTES,
) -> Iterator[T | None]:
    """Yield `items`, and None whenever none came for `idle_s` seconds.

    A thread reads ahead: at most `max_items`, and no more than `max_bytes` together, as `n_bytes` counts them, but at
    least one item. The thread is a daemon, because it may be stuck in a read that never returns when the process ends.
    """
    ahead: _Ahead[T] = _Ahead(max_items, max_bytes)

    def read() -> None:
        try:
            for item in items:
                ahead.put(item, n_bytes(item))
            ahead.put(_End(), 0)
        except BaseException as error:  # noqa: BLE001 raised again in the thread that consumes
            ahead.put(_End(error), 0)

    threading.Thread(target=read, name="read-ahead", daemon=True).start()
    while True:
        found = ahead.take(idle_s)
        if not isinstance(found, _End):
            yield found
        elif found.error is not None:
            raise found.error
        else:
            return
