"""The thread that runs a handler, so that the loop can keep polling."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from consumers.cluster.records import RecordBatch, TopicPartition, WorkResult
from consumers.runtime.handler import Handler
from consumers.timing.clock import Clock
from sentiment.errors import Pressure

_log = structlog.get_logger(__name__)

_PRESSURE_FIRST_S = 0.1
_PRESSURE_MAX_S = 5.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """Work for the handler: a batch or, if there is none, a tick. `epochs` is the ownership when it was handed over.

    `at_end` belongs to a tick: see `Handler.on_tick`. With `park`, the batch is a single record for `Handler.park`.
    """

    batch: RecordBatch | None
    epochs: Mapping[TopicPartition, int]
    at_end: frozenset[TopicPartition] = frozenset()
    park: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A ticket with its result, or with the error that the handler raised.

    Without a ticket, it is an error from one of the handler's other methods.
    """

    ticket: Ticket | None
    result: WorkResult | None
    error: Exception | None
    seconds: float


class WorkThread:
    """Runs handler calls one at a time.

    Only a submitted ticket has a result. But an error in any other call comes out of `take_done` too, because the
    handler's state is then in doubt.
    """

    def __init__(self, handler: Handler, clock: Clock) -> None:
        self._handler = handler
        self._clock = clock
        self._changed = threading.Condition()
        self._calls: deque[tuple[Ticket | None, Callable[[], WorkResult | None]]] = deque()
        self._done: deque[Done] = deque()
        self._n_tickets = 0
        self._abandoned = 0
        self._closed = False
        self._running_since: float | None = None
        self._running: Ticket | None = None
        self.under_pressure = False
        """Whether the handler currently refuses its batch."""
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)
        self._thread.start()

    @property
    def n_tickets(self) -> int:
        """Submitted tickets that `take_done` has not returned yet."""
        with self._changed:
            return self._n_tickets

    def running_for(self) -> float:
        """For how many seconds the current call has been running, without waits under pressure. 0 between calls."""
        with self._changed:
            return 0.0 if self._running_since is None else self._clock.monotonic() - self._running_since

    @property
    def running(self) -> Ticket | None:
        """The ticket that the handler is working on, or that waits under pressure."""
        with self._changed:
            return self._running

    def submit(self, ticket: Ticket) -> None:
        """Hand over a batch or a tick. `take_done` will return it."""
        with self._changed:
            self._n_tickets += 1
            self._calls.append((ticket, lambda: self._work(ticket)))
            self._changed.notify_all()

    def notify(self, call: Callable[[], None]) -> None:
        """Run one of the handler's other methods, after everything that was handed over before."""

        def without_result() -> None:
            call()

        with self._changed:
            self._calls.append((None, without_result))
            self._changed.notify_all()

    def take_done(self, wait_s: float = 0.0) -> list[Done]:
        """What was finished since the last call, in order. Waits up to `wait_s` for the first."""
        with self._changed:
            if wait_s > 0 and not self._done and self._n_tickets:
                self._changed.wait_for(lambda: bool(self._done), timeout=wait_s)
            taken = list(self._done)
            self._done.clear()
            self._n_tickets -= sum(done.ticket is not None for done in taken)
            return taken

    def abandon(self, *, waiting_only: bool = False) -> None:
        """Drop all tickets, or only those that have not started. Other calls still run."""
        with self._changed:
            kept = deque(call for call in self._calls if call[0] is None)
            self._n_tickets -= len(self._calls) - len(kept)
            self._calls = kept
            if not waiting_only:
                self._abandoned += 1
                self._n_tickets = 0
                self._done.clear()
            self._changed.notify_all()

    def close(self, timeout_s: float) -> None:
        """Drop all tickets, run the other calls that wait, and end the thread if it returns in time."""
        self.abandon()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._calls) or self._closed)
                if not self._calls:
                    return
                ticket, call = self._calls.popleft()
                life = self._abandoned
                self._running = ticket
            started = self._clock.monotonic()
            result, error = self._call(call, life)
            with self._changed:
                self._running = None
                if life == self._abandoned and (result is not None or error is not None):
                    self._done.append(Done(ticket, result, error, self._clock.monotonic() - started))
                self._changed.notify_all()

    def _call(self, call: Callable[[], WorkResult | None], life: int) -> tuple[WorkResult | None, Exception | None]:
        """Run `call`. Under pressure, run it again until it succeeds or its ticket is dropped."""
        pause_s = _PRESSURE_FIRST_S
        while True:
            with self._changed:
                self._running_since = self._clock.monotonic()
            try:
                return call(), None
            except Pressure as pressure:
                _log.info("handler_under_pressure", reason=pressure.message, pause_s=pause_s)
            except Exception as error:  # noqa: BLE001 not swallowed: the loop's thread raises it
                return None, error
            finally:
                with self._changed:
                    self._running_since = None
            with self._changed:
                self.under_pressure = True
                self._changed.wait_for(lambda: life != self._abandoned or self._closed, timeout=pause_s)
                self.under_pressure = False
                if life != self._abandoned or self._closed:
                    return None, None
            pause_s = min(_PRESSURE_MAX_S, pause_s * 2)

    def _work(self, ticket: Ticket) -> WorkResult:
        now = self._clock.now()
        if ticket.batch is None:
            return self._handler.on_tick(now, ticket.at_end)
        if ticket.park:
            return self._handler.park(next(iter(ticket.batch)), now)
        return self._handler.handle(ticket.batch, now)
