"""The bounds of one loop, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """What a loop consumes and the bounds it keeps. Times in seconds unless the name says milliseconds."""

    topics: tuple[str, ...]
    group_id: str
    instance_id: str | None = None
    """Static group membership and part of the transactional id; random there where it is not set."""

    max_batch_records: int = 500
    """Records handed to the handler at once."""

    max_batch_bytes: int = 8 * 1024 * 1024
    """Payload bytes handed over at once, beyond which no further record is added; one large record still goes alone."""

    max_wait_ms: int = 5
    """How long a batch that is not full waits for more records while the handler is idle."""

    slice_s: float = 0.5
    """Handled work is committed when the oldest of it is this old, or at once when nothing else is in flight."""

    tick_s: float | None = None
    """Call `Handler.on_tick` about this often; never where it is not set."""

    until_idle_s: float | None = None
    """End after this long at the end of all assigned partitions with nothing in flight; never where it is not set."""

    drain_timeout_s: float = 20.0
    """After a stop signal, work in flight may take this long to finish and commit; then it is dropped and replayed."""

    max_attempts: int = 8
    """Transient faults or rebuilds in a row, without a commit in between, after which the loop gives up."""

    transaction_deadline_s: float | None = None
    """A call of a transaction is given up after this long; a little after the transaction timeout by default."""

    standstill_transactions: float = 4.0
    """Reading stands still when it has not moved for so many transaction timeouts; others' may be longer than ours."""

    stuck_after_s: float = 180.0
    """A poll, a handler call or a commit that takes longer than this ends the process (exit code 1)."""
