"""A pipe: its rows are published as they come, in the order in which they come."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta

from consumers.ingest.appending import Comparison, known_rows
from consumers.ingest.checking import publishable
from consumers.ingest.date_order import with_order_ahead
from consumers.ingest.fields import Fields, Publishable, encoded_bytes, named_columns, resolve_fields
from consumers.ingest.publisher import Publisher
from consumers.ingest.publishing import ID_DIGITS, appender, prepare_kafka, publish_rows
from consumers.ingest.read_ahead import with_idle_marks
from consumers.ingest.rejects import collecting, rejects_path
from consumers.ingest.request import IngestReport, IngestRequest, appended, require_some, require_times
from consumers.ingest.state import WriterName
from sentiment.errors import UsageError
from sentiment.progress import Progress
from sentiment.settings import Settings
from sentiment.sources import FileFormat, InputFile, Rows, open_rows
from sentiment.sources.columns import with_needed_columns

_PIPE = "a pipe cannot be resumed: after an interruption, send its rows again"
_PIPE_APPENDED = "after an interruption, send all rows again: those that are published are left out"


def ingest_pipe(
    settings: Settings, request: IngestRequest, given: InputFile, file_format: FileFormat, progress: Progress
) -> IngestReport:
    """Publish the rows of a pipe as they come. Raises like `run_ingest`."""
    if request.rebase_time:
        raise UsageError("--rebase-time needs a file: the last time in a pipe is not known before it ends")
    prepare_kafka(settings, request.topic)
    progress.say(_PIPE_APPENDED if request.append else _PIPE)
    run = uuid.uuid4().hex
    with open_rows(given, file_format) as opened, collecting(rejects_path(given)) as rejects:
        fields = resolve_fields(request.fields, opened.columns, given.name)
        require_times(request, fields)
        if opened.columns is None:
            fields = dataclasses.replace(fields, always_timed=fields.always_timed or request.speed is not None)
            needed = named_columns(request.fields)
            opened = Rows(None, with_needed_columns(opened.rows, needed, given.name))
        dated = with_order_ahead(opened.rows, fields.time, fields.times, given.name, progress.say)
        read_by = ((row, dataclasses.replace(fields, times=times)) for row, times in dated)
        padded = _Padded(publishable(read_by, run[:ID_DIGITS], rejects.add))
        rows = with_idle_marks(padded, encoded_bytes)
        publish = _append_pipe if request.append else _publish_pipe
        compared = publish(settings, request, fields, rows, run, progress)
    require_some(compared.rows, rejects, given)
    compared.require_same_export(given.name)
    return appended(compared, rejects.count, rejects.path, padded.n)


class _Padded:
    """Passes rows on, and counts those that have fewer fields than the header."""

    def __init__(self, rows: Iterator[Publishable]) -> None:
        self._rows = rows
        self.n = 0

    def __iter__(self) -> Iterator[Publishable]:
        for row in self._rows:
            self.n += row.padded
            yield row


def _publish_pipe(
    settings: Settings,
    request: IngestRequest,
    fields: Fields,
    rows: Iterable[Publishable | None],
    run: str,
    progress: Progress,
) -> Comparison:
    with closing(Publisher(settings, WriterName("pipe", run), run=run, is_new=True)) as publisher:
        publisher.open(restart=False, shift_us=0)
        progress.begin("publishing", None)
        publish_rows(publisher, request, rows, timedelta(), progress, remember=False)
        publisher.forget()
        return Comparison(new=publisher.published)


def _append_pipe(
    settings: Settings,
    request: IngestRequest,
    fields: Fields,
    rows: Iterable[Publishable | None],
    run: str,
    progress: Progress,
) -> Comparison:
    with closing(appender(settings, request.topic, fields, run)) as publisher:
        publisher.open(restart=request.restart, shift_us=0)
        with known_rows(publisher.digests()) as known:
            progress.begin("publishing", None)
            new = (row for row in rows if row is None or known.is_new(row))
            publish_rows(publisher, request, new, timedelta(), progress)
            return known.found
