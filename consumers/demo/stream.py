"""What the demo plays: the bundled day of feedback, or the user's file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

import sentiment
from consumers.ingest.date_order import with_date_order
from consumers.ingest.fields import FieldFlags, Publishable, resolve_fields, to_publishable
from sentiment.errors import InputError, UsageError
from sentiment.sources import FileFormat, ReadingOptions, columns_of, detect_format, find_input, open_rows
from sentiment.sources.options import DEFAULT_READING

BUNDLED = Path(sentiment.__file__).parent / "assets" / "demo" / "feedback.jsonl"
# A day in twenty seconds: slow enough to see the incident build up, fast enough to wait for.
BUNDLED_SPEED = 4_320.0
_INCIDENT = BUNDLED.with_name("incident.json")


class Incident(msgspec.Struct, frozen=True):
    """The incident in the bundled stream, for which exactly one alert must come. Times as in the file."""

    product: str
    start: datetime
    end: datetime

    def shifted(self, by: timedelta) -> Incident:
        """The same incident with its times shifted."""
        return Incident(self.product, self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Stream:
    """A file that was read once. It has `rows` that can be published, from `first` to `last` (None: without times)."""

    path: Path
    file_format: FileFormat
    fields: FieldFlags
    reading: ReadingOptions
    rows: int
    rejected: int
    first: datetime | None
    last: datetime | None
    incident: Incident | None

    @property
    def name(self) -> str:
        """What the verdict calls it."""
        return "bundled" if self.incident is not None else str(self.path)

    def ingest_arguments(self, speed: float | None) -> list[str]:
        """The arguments of the `ingest` command that publishes it, with its last event shifted to now."""
        fields = self.fields
        named = {
            "--text-field": fields.text,
            "--time-field": fields.time,
            "--product-field": fields.product_field,
            "--product": fields.product,
            "--id-field": fields.id,
            "--date-order": fields.times.order,
            "--time-format": fields.times.format,
            "--delimiter": self.reading.delimiter,
            "--encoding": self.reading.encoding,
            "--skip-rows": str(self.reading.skip_rows) if self.reading.skip_rows else None,
            "--kind": None if fields.kind == "text" else fields.kind,
            "--speed": None if speed is None or self.first is None else str(speed),
        }
        flags = [f"{flag}={value}" for flag, value in named.items() if value is not None]
        rebase = [] if self.first is None else ["--rebase-time"]
        return [f"--format={self.file_format}", *flags, *rebase, "--", str(self.path)]


def bundled_stream() -> Stream:
    """The stream that comes with the package."""
    incident = msgspec.json.decode(_INCIDENT.read_bytes(), type=Incident)
    return _read(str(BUNDLED), DEFAULT_READING, FieldFlags(), incident)


def open_stream(argument: str, reading: ReadingOptions, fields: FieldFlags) -> Stream:
    """The user's file, read to its end.

    Raises:
        InputError, UsageError: it cannot be replayed with these arguments.
    """
    return _read(argument, reading, fields, None)


def _read(argument: str, reading: ReadingOptions, flags: FieldFlags, incident: Incident | None) -> Stream:
    given = find_input(argument, reading)
    if given.path is None or not given.repeatable:
        raise UsageError("the demo replays a file, not a pipe", hint="write the rows to a file first")
    file_format = detect_format(given)
    rows = rejected = 0
    first: datetime | None = None
    last: datetime | None = None
    fields = with_date_order(given, file_format, resolve_fields(flags, columns_of(given, file_format), given.name))
    with open_rows(given, file_format) as opened:
        for row in opened.rows:
            found = to_publishable(row, fields, "row")
            if not isinstance(found, Publishable):
                rejected += 1
                continue
            rows += 1
            if fields.time is not None and found.created_at is not None:
                first = found.created_at if first is None else min(first, found.created_at)
                last = found.created_at if last is None else max(last, found.created_at)
    if not rows:
        raise InputError(f"{given.name} has no row that can be published ({rejected} rows were rejected)")
    return Stream(given.path, file_format, flags, reading, rows, rejected, first, last, incident)
