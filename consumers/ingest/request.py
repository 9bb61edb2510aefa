"""What the user asks of an ingest, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from consumers.ingest.appending import Comparison
from consumers.ingest.fields import FieldFlags, Fields
from consumers.ingest.rejects import RejectsFile
from sentiment.errors import InputError, UsageError
from sentiment.sources import InputFile, ReadingOptions
from sentiment.sources.options import DEFAULT_READING


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to publish, and how. `speed` is event time over real time; None is as fast as Kafka takes the rows.

    `append` leaves out the rows that an earlier ingest of the same export has published.
    """

    argument: str
    reading: ReadingOptions = DEFAULT_READING
    fields: FieldFlags = field(default_factory=FieldFlags)
    speed: float | None = None
    rebase_time: bool = False
    restart: bool = False
    append: bool = False
    topic: str = "feedback"


@dataclass(frozen=True, slots=True)
class IngestReport:
    """`published` rows are in Kafka, `published_before` of them from earlier runs.

    `rejects_file` says why the `rejected` rows are not; it exists only if there are any. Of the rows that were
    published before, `changed` have another text now. `repeated` rows, with the id of another row, count nowhere else.
    `padded` rows of the input have fewer fields than the header.
    """

    published: int
    published_before: int
    rejected: int
    rejects_file: Path
    changed: int = 0
    repeated: int = 0
    padded: int = 0


def appended(compared: Comparison, rejected: int, rejects_file: Path, padded: int) -> IngestReport:
    """The report of rows that were compared with what is published."""
    published = compared.new + compared.before
    return IngestReport(published, compared.before, rejected, rejects_file, compared.changed, compared.repeated, padded)


def require_times(request: IngestRequest, fields: Fields) -> None:
    """Raise UsageError if the times are needed, and there is no column for them."""
    if fields.time is None and (request.speed is not None or request.rebase_time):
        flag = "--rebase-time" if request.rebase_time else "--speed"
        raise UsageError(f"{flag} needs the times of the rows", hint="name the column with --time-field")


def require_some(published: int, rejects: RejectsFile, given: InputFile) -> None:
    """Raise InputError if nothing is published, and the first reject says why."""
    first = rejects.first
    if published == 0 and first is not None:
        raise InputError(
            f"{given.name} has no row that can be published; the first ({first.place}): {first.message}",
            hint=f"{rejects.path} says why, for all {rejects.count}",
        )
