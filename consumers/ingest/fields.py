"""Which column holds what, and how a row becomes a feedback event."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentiment.errors import InputError, PoisonRecord, UsageError
from sentiment.events import FeedbackInput, SourcePosition, decode_feedback, encode
from sentiment.mail import TextKind, read_as
from sentiment.sources import BadRow, Row
from sentiment.sources.encodings import NOT_DECODED
from sentiment.sources.headers import find_column
from sentiment.sources.names import listed
from sentiment.sources.rows import place_of
from sentiment.sources.times import ANY_NOTATION, TimeNotation, UnreadableTimeError, parse_time

_NOWHERE = SourcePosition(topic="-", partition=0, offset=0)


@dataclass(frozen=True, slots=True)
class FieldFlags:
    """The columns that the user named. None means the column with the event's own field name, if there is one."""

    text: str | None = None
    time: str | None = None
    product_field: str | None = None
    product: str | None = None
    id: str | None = None
    times: TimeNotation = ANY_NOTATION
    kind: TextKind = "text"


@dataclass(frozen=True, slots=True)
class Fields:
    """The columns to read. None means that there is no such column; the event then gets its documented default.

    Other columns are not published.
    """

    text: str
    time: str | None
    product_field: str | None
    product: str | None
    id: str | None
    source: str | None
    author: str | None
    language: str | None
    rating: str | None
    metadata: str | None
    times: TimeNotation = ANY_NOTATION
    kind: TextKind = "text"
    always_timed: bool = True
    """Whether a row without the column of times is rejected. Else it just has no time."""

    def columns(self) -> list[str]:
        """The names of the columns to read."""
        names = (self.text, self.time, self.product_field, self.id, self.source, self.author, self.language)
        return [name for name in (*names, self.rating, self.metadata) if name is not None]

    def described(self) -> dict[str, object]:
        """All values by their names. Two ingests are the same only if these are."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Publishable:
    """A row that can be published. `created_at` is in UTC, or None if the file has no times.

    `has_id` says whether the event's id is the row's own, or made up; `padded`, whether the row has fewer fields than
    the header.
    """

    number: int
    event: FeedbackInput
    created_at: datetime | None
    has_id: bool = True
    padded: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not published: where it is, and why. It never contains anything of the row itself."""

    row: int
    line: int | None
    reason: str
    message: str

    @property
    def place(self) -> str:
        """Where to look for the row, for messages."""
        return place_of(self.row, self.line)


def resolve_fields(flags: FieldFlags, columns: Sequence[str] | None, name: str) -> Fields:
    """Match `flags` with the columns of the file `name`. None: they are not known, and every row has its own.

    Raises:
        UsageError: both a product field and a product are given.
        InputError: a named column does not exist, or there is none for the text. The hint lists the columns.
    """
    if flags.product is not None and flags.product_field is not None:
        raise UsageError("--product and --product-field exclude each other")
    flags.times.check()

    def column(given: str | None, default: str) -> str | None:
        if columns is None:
            return given or default
        found = find_column(given or default, columns, name)
        if found is None and given is not None:
            raise InputError(f"{name} has no column {given!r}", hint=f"its columns are: {listed(columns)}")
        return found

    def unnamed(default: str) -> str | None:
        return default if columns is None or default in columns else None

    text = column(flags.text, "text")
    if text is None:
        raise InputError(
            f"{name} has no column 'text'",
            hint=f"name one with --text-field; its columns are: {listed(columns or ())}",
        )
    return Fields(
        text=text,
        time=column(flags.time, "created_at"),
        product_field=None if flags.product is not None else column(flags.product_field, "product"),
        product=flags.product,
        id=column(flags.id, "id"),
        source=unnamed("source"),
        author=unnamed("author_id"),
        language=unnamed("language"),
        rating=unnamed("rating"),
        metadata=unnamed("metadata"),
        times=flags.times,
        kind=flags.kind,
        always_timed=columns is not None or flags.time is not None,
    )


def named_columns(flags: FieldFlags) -> set[str]:
    """The columns without which nothing can be published: those that the user named, and that of the text."""
    return {flags.text or "text"} | {name for name in (flags.time, flags.product_field, flags.id) if name is not None}


def to_publishable(row: Row | BadRow, fields: Fields, id_prefix: str) -> Publishable | Reject:
    """Turn `row` into an event that every worker accepts, or say why it cannot be published.

    Without an id column the id is `<id_prefix>-<row number>`, so that a result can be joined with its row.
    """
    if isinstance(row, BadRow):
        return Reject(row.number, row.line, row.reason, row.message)
    values = row.values
    text = values.get(fields.text)
    if text is None:
        return Reject(row.number, row.line, "text_missing", f"there is no {fields.text!r}")
    if not isinstance(text, str):
        return Reject(row.number, row.line, "text_not_a_string", "the text is not a string")
    timed = fields.time is not None and (fields.always_timed or fields.time in values)
    try:
        created_at = parse_time(_value(values, fields.time), fields.times) if timed else None
    except UnreadableTimeError as error:
        return Reject(row.number, row.line, error.reason, str(error))
    own_id = _name(values, fields.id)
    metadata = _value(values, fields.metadata)
    event = FeedbackInput(
        text=read_as(fields.kind, text),
        id=own_id or f"{id_prefix}-{row.number}",
        created_at=created_at,
        product=fields.product if fields.product is not None else _name(values, fields.product_field),
        source=_name(values, fields.source),
        author_id=_name(values, fields.author),
        language=_name(values, fields.language),
        rating=_rating(_value(values, fields.rating)),
        metadata=metadata if isinstance(metadata, dict) else None,
    )
    try:
        decode_feedback(encode(event), position=_NOWHERE, timestamp_ms=0)
    except PoisonRecord as error:
        return Reject(row.number, row.line, str(error.reason), error.message)
    except UnicodeEncodeError:
        return Reject(row.number, row.line, "not_utf8", NOT_DECODED)
    except (TypeError, RecursionError):
        return Reject(row.number, row.line, "schema", "the metadata cannot be written as JSON")
    return Publishable(row.number, event, created_at, own_id is not None, row.padded)


def encoded_bytes(row: Publishable) -> int:
    """The size of the row's event on the wire. In memory it takes up to a few times as much."""
    return len(encode(row.event))


def _value(values: Mapping[str, Any], column: str | None) -> Any:
    return None if column is None else values.get(column)


def _name(values: Mapping[str, Any], column: str | None) -> str | None:
    """A name or an identifier as a string, or None."""
    value = _value(values, column)
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():  # pandas turns whole numbers into floats if one is missing
        value = int(value)
    return str(value)


def _rating(value: object) -> float | None:
    """A rating that is a number, or None: other notations, such as "4 of 5", are left out."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= 1e6 else None
