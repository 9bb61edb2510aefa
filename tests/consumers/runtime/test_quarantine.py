"""Who counts as dead, and when a worker gives up: the quarantine with a scripted session."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consumers.cluster.records import Record, TopicPartition, WorkResult
from consumers.runtime.backlog import Backlog
from consumers.runtime.handler import BaseHandler
from consumers.runtime.health import Health
from consumers.runtime.marks import Mark
from consumers.runtime.ownership import Ownership, Rebalance, RebalanceKind
from consumers.runtime.quarantine import Quarantine
from consumers.runtime.work_thread import Ticket, WorkThread
from sentiment.errors import FatalError, Pressure
from tests.fakes import ManualClock
from tests.waiting import WITHIN_S, wait_until

A = TopicPartition("in", 0)


class Scripted:
    """A session whose group has the member `living`, and where partition A is committed up to 5 with `metadata`."""

    member_id = "me"

    def __init__(self, metadata: str) -> None:
        self.committed = {A: (5, metadata)}

    def metadata(self, _: Any) -> dict[TopicPartition, tuple[int, str]]:
        return self.committed

    def members(self) -> set[str]:
        return {"me", "living"}

    def annotate(self, offsets: Any) -> bool:
        self.committed |= {partition: (each.offset, each.metadata) for partition, each in offsets.items()}
        return True


class Scene:
    """A quarantine of partition A, with records 5 to 9 waiting."""

    def __init__(self, metadata: str, handler: BaseHandler | None = None) -> None:
        self.clock = ManualClock()
        self.session = Scripted(metadata)
        self.work = WorkThread(cast("Any", handler or BaseHandler()), self.clock)
        ownership = Ownership()
        ownership.apply(Rebalance(RebalanceKind.ASSIGNED, frozenset({A})))
        health = Health(self.clock, stuck_after_s=60.0)
        services: Any = SimpleNamespace(clock=self.clock, health=health, own_members={"before"})
        self.quarantine = Quarantine(cast("Any", self.session), services, ownership, self.work)
        self.backlog = Backlog(100, 10_000)
        self.backlog.add(A, [Record("in", 0, offset, 0, None, b"x") for offset in range(5, 10)], 0.0)

    def handed_over(self) -> Ticket:
        self.quarantine.assigned({A})
        self.quarantine.read_marks({A})
        self.clock.advance(60)
        assert self.quarantine.rules(self.backlog)
        ticket = self.quarantine.next_ticket(self.backlog, 0.0)
        assert ticket is not None
        return ticket


@pytest.mark.parametrize("member", ["dead", "none"])
def test_the_records_of_the_dead_are_tried_alone(member: str) -> None:
    """One by one and marked, and what is left stays suspect after a commit."""
    scene = Scene(Mark(5, 7, member=member).encode())
    ticket = scene.handed_over()
    assert ticket.batch is not None
    assert [record.offset for record in ticket.batch] == [5]
    assert Mark.decode(scene.session.committed[A][1]) == Mark(5, 7, deaths=1, member="me")
    left = scene.quarantine.annotated({A: 6})[A]
    assert Mark.decode(left.metadata) == Mark(6, 7, member="none")
    assert scene.quarantine.annotated({A: 8})[A].metadata == ""


@pytest.mark.parametrize("member", ["living", "before"])
def test_a_writer_that_lives_is_no_death(member: str) -> None:
    """Partitions moved to another worker, or came back to this one after it was rebuilt."""
    scene = Scene(Mark(5, 7, member=member).encode())
    scene.quarantine.assigned({A})
    scene.quarantine.read_marks({A})
    scene.clock.advance(60)
    assert not scene.quarantine.rules(scene.backlog)


def test_an_attempt_of_the_living_is_repeated_and_not_punished() -> None:
    """A record that was about to be condemned stays a suspect."""
    ticket = Scene(Mark(5, 7, deaths=2, slow=True, member="living").encode()).handed_over()
    assert not ticket.park


@pytest.mark.parametrize(
    ("mark", "park"), [(Mark(5, 7, 1, slow=True), True), (Mark(5, 7, 1), False), (Mark(5, 7, 2), True)]
)
def test_death_alone_condemns(mark: Mark, park: bool) -> None:
    """At once if it took its time, else the second time."""
    dead = Mark(mark.first, mark.last, mark.deaths, mark.parked, mark.slow, "dead")
    assert Scene(dead.encode()).handed_over().park == park


def test_a_mark_from_before_the_offset_moved_is_void() -> None:
    """Somebody has reset the group."""
    scene = Scene(Mark(4, 7, member="dead").encode())
    scene.quarantine.assigned({A})
    scene.quarantine.read_marks({A})
    scene.clock.advance(60)
    assert not scene.quarantine.rules(scene.backlog)


def test_it_is_not_the_records_when_one_after_the_other_ends_the_process() -> None:
    """The worker stops instead of parking everything."""
    with pytest.raises(FatalError, match="4 records in a row ended the process, the last at in/0 offset 5"):
        Scene(Mark(5, 7, 2, parked=3, member="dead").encode()).handed_over()


def test_after_an_assignment_every_batch_is_marked_for_some_seconds() -> None:
    """So that a sudden death is known the second time."""
    scene = Scene("")
    scene.quarantine.assigned({A})
    scene.quarantine.read_marks({A})
    assert scene.quarantine.rules(scene.backlog)
    assert scene.quarantine.next_ticket(scene.backlog, 0.0) is not None
    assert Mark.decode(scene.session.committed[A][1]) == Mark(5, 9, member="me")
    scene.quarantine.committed({A: 10})
    scene.clock.advance(10)
    assert not scene.quarantine.rules(scene.backlog)


def test_a_batch_under_pressure_has_no_mark() -> None:
    """It may wait for hours, and whoever stops the worker meanwhile has not shown that its records are to blame."""
    refused = threading.Event()

    class Refusing(BaseHandler):
        def handle(self, batch: Any, now: Any) -> WorkResult:
            refused.set()
            raise Pressure("full")

    scene = Scene(Mark(5, 7, member="dead").encode(), Refusing())
    scene.work.submit(scene.handed_over())
    assert refused.wait(WITHIN_S)

    def unmarked() -> bool:
        scene.quarantine.mark_if_slow()
        mark = Mark.decode(scene.session.committed[A][1])
        return mark is not None and mark.deaths == 0

    wait_until(unmarked, "the mark of the attempt goes")
    scene.work.close(WITHIN_S)


def test_a_batch_that_takes_a_quarter_of_the_watchdogs_time_is_marked() -> None:
    """Not before, and a lone attempt is then marked as slow."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(BaseHandler):
        def handle(self, batch: Any, now: Any) -> WorkResult:
            begun.set()
            assert go_on.wait(WITHIN_S)
            return WorkResult()

    scene = Scene(Mark(5, 7, member="dead").encode(), Slow())
    scene.work.submit(scene.handed_over())
    assert begun.wait(WITHIN_S)
    scene.quarantine.mark_if_slow()
    assert Mark.decode(scene.session.committed[A][1]) == Mark(5, 7, deaths=1, member="me")
    scene.clock.advance(15)
    scene.quarantine.mark_if_slow()
    assert Mark.decode(scene.session.committed[A][1]) == Mark(5, 7, deaths=1, slow=True, member="me")
    go_on.set()
    scene.work.close(WITHIN_S)
