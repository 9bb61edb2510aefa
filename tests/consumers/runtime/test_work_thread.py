"""The handler's thread: order, results, pressure, dropped work."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from consumers.cluster.records import EMPTY_RESULT, Record, RecordBatch, TopicPartition, WorkResult
from consumers.runtime.handler import BaseHandler
from consumers.runtime.work_thread import Done, Ticket, WorkThread
from consumers.timing.clock import SystemClock
from sentiment.errors import FatalError, Pressure
from tests.waiting import WITHIN_S

A = TopicPartition("in", 0)


def batch(offset: int) -> RecordBatch:
    return RecordBatch({A: (Record("in", 0, offset, 0, None, b""),)})


class Scripted(BaseHandler):
    """Notes every call. `raising` has the errors for the next `handle` calls, with None for no error."""

    def __init__(self, *raising: Exception | None) -> None:
        self.calls: list[str] = []
        self.raising = list(raising)
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        self.calls.append(f"handle {next(iter(batch)).offset}")
        self.entered.set()
        self.gate.wait(WITHIN_S)
        error = self.raising.pop(0) if self.raising else None
        if error is not None:
            raise error
        return EMPTY_RESULT

    def on_tick(self, now: datetime, at_end: frozenset[TopicPartition]) -> WorkResult:
        self.calls.append("tick")
        return EMPTY_RESULT

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        self.calls.append("lost")


def take(work: WorkThread, count: int) -> list[Done]:
    taken: list[Done] = []
    while len(taken) < count:
        more = work.take_done(wait_s=WITHIN_S)
        assert more, "no outcome in time"
        taken.extend(more)
    return taken


def test_calls_run_in_the_order_in_which_they_were_handed_over() -> None:
    """Batches, ticks and notifications reach the handler in order, and every ticket has one result, in order."""
    handler = Scripted()
    work = WorkThread(handler, SystemClock())
    tickets = [Ticket(batch(0), {}), Ticket(None, {}), Ticket(batch(1), {})]
    work.submit(tickets[0])
    work.notify(lambda: handler.on_lost(frozenset()))
    work.submit(tickets[1])
    work.submit(tickets[2])
    assert [done.ticket for done in take(work, 3)] == tickets
    assert handler.calls == ["handle 0", "lost", "tick", "handle 1"]
    assert work.n_tickets == 0
    work.close(WITHIN_S)


def test_pressure_repeats_the_batch_before_any_later_one() -> None:
    """A batch under pressure is handled again until it succeeds. What follows waits for it."""
    handler = Scripted(Pressure("full"), Pressure("full"), None)
    work = WorkThread(handler, SystemClock())
    work.submit(Ticket(batch(0), {}))
    work.submit(Ticket(batch(1), {}))
    outcomes = take(work, 2)
    assert [done.error for done in outcomes] == [None, None]
    assert handler.calls == ["handle 0", "handle 0", "handle 0", "handle 1"]
    work.close(WITHIN_S)


def test_an_error_comes_out_where_the_loop_looks() -> None:
    """The error of a batch comes with its ticket. An error in another method comes too, without a ticket."""
    error = FatalError("broken")
    work = WorkThread(Scripted(error), SystemClock())
    work.submit(Ticket(batch(0), {}))
    assert take(work, 1)[0].error is error

    def fail() -> None:
        raise error

    work.notify(fail)
    work.submit(Ticket(None, {}))
    outcomes = take(work, 2)
    assert [(done.ticket is None, done.error) for done in outcomes] == [(True, error), (False, None)]
    work.close(WITHIN_S)


@pytest.mark.parametrize("waiting_only", [False, True])
def test_abandoned_work_has_no_outcome(*, waiting_only: bool) -> None:
    """Dropped tickets never run. The running one is returned only if it was kept."""
    handler = Scripted()
    handler.gate.clear()
    work = WorkThread(handler, SystemClock())
    running, waiting = Ticket(batch(0), {}), Ticket(batch(1), {})
    work.submit(running)
    assert handler.entered.wait(WITHIN_S)
    work.submit(waiting)
    work.abandon(waiting_only=waiting_only)
    assert work.n_tickets == (1 if waiting_only else 0)
    later = Ticket(None, {})
    work.submit(later)
    handler.gate.set()
    expected = [running, later] if waiting_only else [later]
    assert [done.ticket for done in take(work, len(expected))] == expected
    assert handler.calls == ["handle 0", "tick"]
    work.close(WITHIN_S)


def test_pressure_ends_when_the_work_is_abandoned() -> None:
    """A batch under pressure does not outlive the session that it came from."""
    handler = Scripted(*[Pressure("full")] * 1000)
    work = WorkThread(handler, SystemClock())
    work.submit(Ticket(batch(0), {}))
    assert handler.entered.wait(WITHIN_S)
    work.abandon()
    handler.raising.clear()
    work.submit(Ticket(None, {}))
    assert [done.ticket for done in take(work, 1)] == [Ticket(None, {})]
    work.close(WITHIN_S)
