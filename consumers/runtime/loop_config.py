"""The limits of one loop, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """What a loop consumes, and its limits. Times in seconds unless the name says milliseconds."""

    topics: tuple[str, ...]
    group_id: str
    instance_id: str | None = None
    """Makes the group membership static, and is part of the transactional id (random by default)."""

    max_batch_records: int = 500
    """The most records to hand over at once."""

    max_batch_bytes: int = 8 * 1024 * 1024
    """The most payload bytes to hand over at once. A single record that is larger goes alone."""

    max_wait_ms: int = 5
    """How long a batch that is not full waits for more records while the handler is idle."""

    slice_s: float = 0.5
    """Commit handled work when the oldest of it is this old at the latest; see `Pace`."""

    tick_s: float | None = None
    """Call `Handler.on_tick` about this often. None: never."""

    until_idle_s: float | None = None
    """End after this long at the end of all assigned partitions with nothing in flight. None: never."""

    drain_timeout_s: float = 20.0
    """After a stop signal, work in flight has this long to finish and commit. Then it is dropped, and replayed."""

    max_attempts: int = 8
    """Give up after this many transient failures in a row without a commit in between."""

    transaction_deadline_s: float | None = None
    """Give up a transaction call after this long. None: a little longer than the transaction timeout."""

    standstill_transactions: float = 4.0
    """A reader is stuck after this many transaction timeouts. Other producers' timeouts may be longer than ours."""
