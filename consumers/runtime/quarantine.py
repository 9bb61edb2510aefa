"""Gets a group past a record that ends every process that handles it.

A batch that has been running for a quarter of the watchdog's time is marked (`marks`). If the process then dies, the
next owner of the partitions knows which records to try one by one. A record whose lone attempt ends the process as well
is handed to `Handler.park`.

A death that comes sooner leaves no mark. So for some seconds after the first records of a new partition every batch is
marked before it is handed over, one at a time: if the process dies of the same records again, they are known.

A stop, an error that ends the process in an orderly way, and a rebalance are no deaths: the first two remove the marks,
and after the last the writer is still in the group, or it is this process itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog
from kafka.structs import OffsetAndMetadata

from consumers.cluster.records import TopicPartition, partition_name
from consumers.runtime.backlog import Backlog
from consumers.runtime.marks import Mark, Suspects
from consumers.runtime.ownership import Ownership
from consumers.runtime.services import Services
from consumers.runtime.session import Session
from consumers.runtime.work_thread import Ticket, WorkThread
from sentiment.errors import FatalError

_log = structlog.get_logger(__name__)

_CAUTIOUS_S = 5.0
"""Longer than a time slice, so that what killed the last owner is handed over within it."""

_MAX_PARKED_IN_A_ROW = 3
"""If more records in a row end the process, it is not the records."""


class Quarantine:
    """The marks and suspects of one session."""

    def __init__(self, session: Session, services: Services, ownership: Ownership, work: WorkThread) -> None:
        self._session = session
        self._services = services
        self._ownership = ownership
        self._work = work
        self._suspects: dict[TopicPartition, Suspects] = {}
        self._marked: dict[TopicPartition, Mark] = {}
        """The marks that are committed now."""
        self._cautious_until_s = 0.0
        self._unread: set[TopicPartition] = set()
        """Partitions that were assigned, and whose mark is not read yet."""

    def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """New partitions, whose marks are not read yet."""
        self._unread.update(partitions)

    def read_marks(self, partitions: Iterable[TopicPartition]) -> None:
        """Read the marks of those of `partitions` that are new, and be careful from now on, for a while.

        Call it when the first records of a partition came.

        Not sooner: the offset is final only then, and asking would wait for the last transaction of the old owner.

        Raises:
            FatalError: several records in a row ended the process.
        """
        new = self._unread.intersection(partitions)
        if not new:
            return
        self._unread -= new
        self._cautious_until_s = self._services.clock.monotonic() + _CAUTIOUS_S
        marks: dict[TopicPartition, Mark] = {}
        for partition, (offset, metadata) in self._session.metadata(new).items():
            mark = Mark.decode(metadata)
            if mark is not None and mark.first == offset:  # otherwise somebody has moved the offset since
                marks[partition] = mark
        living = self._services.own_members | self._session.members() if marks else set()
        for partition, mark in marks.items():
            if mark.member not in living:
                self._learn(partition, Suspects.after_death(mark))
            elif mark.deaths:
                self._learn(partition, Suspects(mark.first, mark.last, mark.deaths, parked=mark.parked))

    def released(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that are not owned any more."""
        for partition in partitions:
            self._unread.discard(partition)
            self._suspects.pop(partition, None)
            self._marked.pop(partition, None)

    @property
    def busy(self) -> bool:
        """Whether marked records are with the handler, and would be blamed for whatever ends the process."""
        return bool(self._marked)

    def next_ticket(self, backlog: Backlog, max_wait_s: float) -> Ticket | None:
        """The next batch, if it has to go alone: a suspect, or any while caution rules. It is marked by then."""
        lone = next((p for p, offset in backlog.heads().items() if self._is_suspect(p, offset)), None)
        if lone is not None:
            batch = backlog.take_first(lone)
            offset = batch.partitions[lone][0].offset
            suspects = self._suspects[lone]
            if suspects.condemns(offset):
                _log.error("record_ended_the_process", partition=partition_name(*lone), offset=offset, parked=True)
                return Ticket(batch, self._ownership.epochs(), park=True)
            self._mark({lone: suspects.attempt(offset, self._session.member_id)})
            return Ticket(batch, self._ownership.epochs())
        if not backlog.due(self._services.clock.monotonic(), max_wait_s):
            return None
        batch = backlog.take()
        self._mark_batch(Ticket(batch, {}))
        return Ticket(batch, self._ownership.epochs())

    def rules(self, backlog: Backlog) -> bool:
        """Whether the next batch comes from `next_ticket`, and only when nothing else is in flight."""
        if self.busy or self._services.clock.monotonic() < self._cautious_until_s:
            return True
        return any(self._is_suspect(partition, offset) for partition, offset in backlog.heads().items())

    def mark_if_slow(self) -> None:
        """Mark what the handler has been busy with for long. Call it while nothing finished waits for its commit."""
        ticket = self._work.running
        if ticket is None or ticket.batch is None or ticket.park:
            return
        if self._work.under_pressure:
            self.unmark()  # it waits for something else, and may be stopped meanwhile
            return
        if self._work.running_for() < self._services.health.stuck_after_s / 4:
            return
        if not self._marked:
            self._mark_batch(ticket)
        for partition, share in ticket.batch.partitions.items():
            offset = share[0].offset
            known = self._marked.get(partition)
            if known is not None and not known.slow and self._is_suspect(partition, offset):
                self._mark({partition: self._suspects[partition].attempt(offset, self._session.member_id, slow=True)})

    def annotated(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        """`offsets` as they are committed: with the suspects that are left, and without other marks."""
        made: dict[TopicPartition, OffsetAndMetadata] = {}
        for partition, offset in offsets.items():
            before = self._suspects.get(partition)
            left = before and before.settled(offset)
            mark = "" if left is None else Mark(left.first, left.last, parked=left.parked, member="none").encode()
            made[partition] = OffsetAndMetadata(offset, mark, -1)
        return made

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """These offsets were committed, `annotated`."""
        for partition, offset in offsets.items():
            self._marked.pop(partition, None)
            before = self._suspects.pop(partition, None)
            left = before and before.settled(offset)
            if left is not None:
                self._suspects[partition] = left
            elif before is not None:
                _log.info("suspects_done", partition=partition_name(*partition), next_offset=offset)

    def unmark(self) -> None:
        """Remove all marks: what happens from now on is no death. Suspects stay suspects."""
        if self._marked:
            offsets = {partition: mark.first for partition, mark in self._marked.items()}
            self._session.annotate(self.annotated(offsets))
            self._marked.clear()

    def _learn(self, partition: TopicPartition, suspects: Suspects) -> None:
        name = partition_name(*partition)
        if suspects.condemned and suspects.parked >= _MAX_PARKED_IN_A_ROW:
            raise FatalError(
                f"{suspects.parked + 1} records in a row ended the process, the last at {name} offset {suspects.first}",
                hint="the records are probably not to blame: is there enough memory? Nothing of them is lost",
            )
        _log.warning("suspects_found", partition=name, first=suspects.first, last=suspects.last, deaths=suspects.deaths)
        self._suspects[partition] = suspects

    def _is_suspect(self, partition: TopicPartition, offset: int) -> bool:
        suspects = self._suspects.get(partition)
        return suspects is not None and suspects.covers(offset)

    def _mark_batch(self, ticket: Ticket) -> None:
        shares = ticket.batch.partitions if ticket.batch is not None else {}
        member = self._session.member_id
        self._mark(
            {
                partition: Mark(share[0].offset, share[-1].offset, member=member)
                for partition, share in shares.items()
                if partition in self._ownership.partitions
            }
        )

    def _mark(self, marks: Mapping[TopicPartition, Mark]) -> None:
        self._services.own_members.add(self._session.member_id)
        self._session.annotate({p: OffsetAndMetadata(mark.first, mark.encode(), -1) for p, mark in marks.items()})
        self._marked.update(marks)
