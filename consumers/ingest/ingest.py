"""An ingest from beginning to end: check the file, take the ingest over, publish from where it stands."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from consumers.cluster.connection import check_connection
from consumers.cluster.topics import ensure_topics
from consumers.ingest.batches import batches, to_record
from consumers.ingest.checking import FileCheck, Plan, check_file, fingerprint, publishable, read_publishable
from consumers.ingest.fields import FieldFlags, Fields, Publishable, Reject, encoded_bytes, resolve_fields
from consumers.ingest.ordering import in_order_of_time
from consumers.ingest.publisher import Publisher
from consumers.ingest.read_ahead import with_idle_marks
from consumers.ingest.rejects import RejectsFile, collecting, rejects_path
from consumers.sources import FileFormat, InputFile, detect_format, find_input, open_rows
from sentiment.errors import InputError, UsageError
from sentiment.progress import Progress
from sentiment.settings import Settings

_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to publish, and how. `speed` is event time over real time; None is as fast as Kafka takes the rows."""

    argument: str
    file_format: FileFormat | None = None
    fields: FieldFlags = field(default_factory=FieldFlags)
    speed: float | None = None
    rebase_time: bool = False
    restart: bool = False
    topic: str = "feedback"


@dataclass(frozen=True, slots=True)
class IngestReport:
    """`published` rows are in Kafka, `published_before` of them from earlier runs.

    `rejects_file` says why the `rejected` rows are not; it exists only if there are any.
    """

    published: int
    published_before: int
    rejected: int
    rejects_file: Path


def run_ingest(settings: Settings, request: IngestRequest, progress: Progress) -> IngestReport:
    """Publish a file or a pipe. Blocks until its end.

    Raises:
        InputError, UsageError: the input cannot be published, or not in the way that was asked for.
        BrokerUnavailable, TransactionFailed: Kafka cannot be reached, or did not recover in time.
        IngestTakenOverError: another process publishes the same file.
    """
    given = find_input(request.argument)
    file_format = detect_format(given, request.file_format)
    if given.repeatable:
        return _ingest_file(settings, request, given, file_format, progress)
    return _ingest_pipe(settings, request, given, file_format, progress)


def _ingest_file(
    settings: Settings, request: IngestRequest, given: InputFile, file_format: FileFormat, progress: Progress
) -> IngestReport:
    with open_rows(given, file_format) as opened:
        fields = resolve_fields(request.fields, opened.columns, given.name)
    _require_times(request, fields)
    plan = Plan(given, file_format, fields, request.topic, request.rebase_time)
    _prepare_kafka(settings, request.topic)
    with collecting(rejects_path(given)) as rejects:
        progress.begin("checking", None)
        found = check_file(plan, rejects, progress.at)
    _require_some(found.good, rejects, given)
    name = fingerprint(plan)
    with closing(Publisher(settings, topic=request.topic, name=name, run=uuid.uuid4().hex)) as publisher:
        start = publisher.open(restart=request.restart, shift_us=_shift_us(request, found))
        with _remaining(plan, name[:_ID_DIGITS], found, start.published, progress) as rows:
            progress.begin("publishing", found.good, start.published)
            _publish(publisher, request, rows, timedelta(microseconds=start.shift_us), progress)
        if publisher.published < found.good:
            raise InputError(f"{given.name} changed while it was being read", hint="ingest a file that is complete")
        return IngestReport(publisher.published, start.published, found.rejected, rejects.path)


def _ingest_pipe(
    settings: Settings, request: IngestRequest, given: InputFile, file_format: FileFormat, progress: Progress
) -> IngestReport:
    """Publish the rows of a pipe as they come, in the order in which they come."""
    if request.rebase_time:
        raise UsageError("--rebase-time needs a file: the last time in a pipe is not known before it ends")
    _prepare_kafka(settings, request.topic)
    progress.say("a pipe cannot be resumed: after an interruption, send its rows again")
    run = uuid.uuid4().hex
    with open_rows(given, file_format) as opened, collecting(rejects_path(given)) as rejects:
        fields = resolve_fields(request.fields, opened.columns, given.name)
        _require_times(request, fields)
        rows = with_idle_marks(publishable(opened, fields, run[:_ID_DIGITS], rejects.add), encoded_bytes)
        with closing(Publisher(settings, topic=request.topic, name=f"pipe-{run}", run=run)) as publisher:
            publisher.open(restart=False, shift_us=0)
            progress.begin("publishing", None)
            _publish(publisher, request, rows, timedelta(), progress)
    _require_some(publisher.published, rejects, given)
    return IngestReport(publisher.published, 0, rejects.count, rejects.path)


def _prepare_kafka(settings: Settings, topic: str) -> None:
    check_connection(settings)
    ensure_topics(settings, [topic])


def _publish(
    publisher: Publisher,
    request: IngestRequest,
    rows: Iterable[Publishable | None],
    shift: timedelta,
    progress: Progress,
) -> None:
    """Publish `rows` at the speed that was asked for, and report progress after every commit."""
    units = batches(
        rows,
        lambda row: to_record(row, request.topic, shift),
        speed=request.speed,
        monotonic=time.monotonic,
        sleep=time.sleep,  # a signal interrupts it
    )
    for unit in units:
        publisher.publish(unit)
        progress.at(publisher.published)


@contextmanager
def _remaining(
    plan: Plan, id_prefix: str, found: FileCheck, skip: int, progress: Progress
) -> Iterator[Iterable[Publishable]]:
    """The rows that are not published yet, in the order in which to publish them."""
    if skip >= found.good:
        yield ()
        return
    rows = islice(read_publishable(plan, id_prefix, _already_noted), found.good)
    if found.in_order:
        yield islice(rows, skip, None)
        return
    progress.say("the rows are not in order of time: sorting them first")
    progress.begin("sorting", None)
    with in_order_of_time(rows, skip) as ordered:
        yield ordered


def _already_noted(_: Reject) -> None:
    """Do nothing: the first pass has written the rejects file."""


def _require_times(request: IngestRequest, fields: Fields) -> None:
    if fields.time is None and (request.speed is not None or request.rebase_time):
        flag = "--rebase-time" if request.rebase_time else "--speed"
        raise UsageError(f"{flag} needs the times of the rows", hint="name the column with --time-field")


def _require_some(published: int, rejects: RejectsFile, given: InputFile) -> None:
    first = rejects.first
    if published == 0 and first is not None:
        raise InputError(
            f"{given.name} has no row that can be published; the first ({first.place}): {first.message}",
            hint=f"{rejects.path} says why, for all {rejects.count}",
        )


def _shift_us(request: IngestRequest, found: FileCheck) -> int:
    if not request.rebase_time or found.last_time is None:
        return 0
    return (datetime.now(UTC) - found.last_time) // timedelta(microseconds=1)
