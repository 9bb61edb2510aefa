"""A file from beginning to end: check it, take its ingest over, publish what is not published."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from consumers.ingest.appending import known_rows
from consumers.ingest.checking import FileCheck, Plan, check_file, fingerprint, read_publishable
from consumers.ingest.date_order import with_date_order
from consumers.ingest.fields import Publishable, Reject, resolve_fields
from consumers.ingest.identity import export_name
from consumers.ingest.ordering import in_order_of_time
from consumers.ingest.publisher import Publisher
from consumers.ingest.publishing import ID_DIGITS, appender, prepare_kafka, publish_rows
from consumers.ingest.rejects import collecting, rejects_path
from consumers.ingest.request import IngestReport, IngestRequest, appended, require_some, require_times
from consumers.ingest.state import MAX_ROWS_REMEMBERED, WriterName
from sentiment.errors import InputError
from sentiment.progress import Progress
from sentiment.settings import Settings
from sentiment.sources import FileFormat, InputFile, columns_of


def ingest_file(
    settings: Settings, request: IngestRequest, given: InputFile, file_format: FileFormat, progress: Progress
) -> IngestReport:
    """Publish a file. Raises like `run_ingest`."""
    fields = resolve_fields(request.fields, columns_of(given, file_format), given.name)
    require_times(request, fields)
    fields = with_date_order(given, file_format, fields)
    plan = Plan(given, file_format, fields, request.topic, request.rebase_time)
    prepare_kafka(settings, request.topic)
    with collecting(rejects_path(given)) as rejects:
        progress.begin("checking", None)
        found = check_file(plan, rejects, progress.at)
    require_some(found.good, rejects, given)
    publish = _append_file if request.append else _publish_file
    return publish(settings, request, plan, found, rejects.path, progress)


def _publish_file(
    settings: Settings, request: IngestRequest, plan: Plan, found: FileCheck, rejects_file: Path, progress: Progress
) -> IngestReport:
    """Publish the rows of a checked file, from where an earlier run of the same ingest was interrupted."""
    name = WriterName(export_name(plan.topic, plan.fields), fingerprint(plan))
    with closing(Publisher(settings, name, run=uuid.uuid4().hex)) as publisher:
        start = publisher.open(restart=request.restart, shift_us=_shift_us(request, found))
        with _remaining(plan, name.writer[:ID_DIGITS], found, start.published, progress) as rows:
            progress.begin("publishing", found.good, start.published)
            publish_rows(publisher, request, rows, timedelta(microseconds=start.shift_us), progress, start.published)
        if publisher.published < found.good:
            raise _changed_meanwhile(plan.given)
        return IngestReport(publisher.published, start.published, found.rejected, rejects_file, padded=found.padded)


def _append_file(
    settings: Settings, request: IngestRequest, plan: Plan, found: FileCheck, rejects_file: Path, progress: Progress
) -> IngestReport:
    """Publish those rows of a checked file that no earlier ingest of its export has published."""
    if found.good > MAX_ROWS_REMEMBERED:
        raise InputError(
            f"{plan.given.name} has {found.good:,} rows: --append can tell {MAX_ROWS_REMEMBERED:,} apart",
            hint="export less at a time, or ingest the file once without --append",
        )
    run = uuid.uuid4().hex
    with closing(appender(settings, plan.topic, plan.fields, run)) as publisher:
        publisher.open(restart=request.restart, shift_us=0)
        progress.begin("comparing", None)
        rows = islice(read_publishable(plan, run[:ID_DIGITS], _already_noted), found.good)
        with known_rows(publisher.digests()) as known, in_order_of_time(filter(known.is_new, rows), 0) as new:
            compared = known.found
            if compared.rows < found.good:
                raise _changed_meanwhile(plan.given)
            compared.require_same_export(plan.given.name)
            progress.begin("publishing", compared.new)
            publish_rows(publisher, request, new, timedelta(), progress)
    return appended(compared, found.rejected, rejects_file, found.padded)


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


def _changed_meanwhile(given: InputFile) -> InputError:
    return InputError(f"{given.name} changed while it was being read", hint="ingest a file that is complete")


def _shift_us(request: IngestRequest, found: FileCheck) -> int:
    if not request.rebase_time or found.last_time is None:
        return 0
    return (datetime.now(UTC) - found.last_time) // timedelta(microseconds=1)
