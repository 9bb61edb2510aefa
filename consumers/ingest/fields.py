"""Which column is what, and a row as a feedback event."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consumers.sources import BadRow, Row
from consumers.sources.names import listed
from consumers.sources.times import UnreadableTimeError, parse_time
from sentiment.errors import InputError, PoisonRecord, UsageError
from sentiment.events import FeedbackInput, SourcePosition, decode_feedback, encode

_NOWHERE = SourcePosition(topic="-", partition=0, offset=0)


@dataclass(frozen=True, slots=True)
class FieldFlags:
    """What the user said about the columns; None: the event's own field name, where there is such a column."""

    text: str | None = None
    time: str | None = None
    product_field: str | None = None
    product: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """The columns that are read; None: there is none, and the event gets its documented default.

    Columns that have no part here are not published.
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

    def columns(self) -> list[str]:
        """The names of all columns in use."""
        names = (self.text, self.time, self.product_field, self.id, self.source, self.author, self.language)
        return [name for name in (*names, self.rating, self.metadata) if name is not None]

    def described(self) -> dict[str, str | None]:
        """The mapping as plain values: part of what makes two ingests the same."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Publishable:
    """A row that is fit to publish; `created_at` is in UTC, None where the file tells no times."""

    number: int
    event: FeedbackInput
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not published, why, and where it stands. Never holds anything of the row itself."""

    row: int
    line: int | None
    reason: str
    message: str


def resolve_fields(flags: FieldFlags, columns: Sequence[str], name: str) -> Fields:
    """Match the flags with the columns of the file `name`.

    Raises:
        UsageError: both a product field and a product are given.
        InputError: a named column is missing, or there is none for the text; the message says which columns exist.
    """
    if flags.product is not None and flags.product_field is not None:
        raise UsageError("--product and --product-field exclude each other")
    present = set(columns)

    def column(given: str | None, default: str, flag: str, *, needed: bool = False) -> str | None:
        if given is not None and given not in present:
            raise InputError(f"{name} has no column {given!r}", hint=f"its columns are: {listed(columns)}")
        if given is None and needed and default not in present:
            raise InputError(
                f"{name} has no column {default!r}", hint=f"name one with {flag}; its columns are: {listed(columns)}"
            )
        return given if given is not None else default if default in present else None

    text = column(flags.text, "text", "--text-field", needed=True)
    return Fields(
        text=text or "text",
        time=column(flags.time, "created_at", "--time-field"),
        product_field=None if flags.product is not None else column(flags.product_field, "product", "--product-field"),
        product=flags.product,
        id=column(flags.id, "id", "--id-field"),
        source=column(None, "source", ""),
        author=column(None, "author_id", ""),
        language=column(None, "language", ""),
        rating=column(None, "rating", ""),
        metadata=column(None, "metadata", ""),
    )


def to_publishable(row: Row | BadRow, fields: Fields, id_prefix: str) -> Publishable | Reject:
    """`row` as an event that every worker will accept, or why it is none.

    Without an id column the id is `<id_prefix>-<row number>`, so that a result can be joined with its row.
    """
    if isinstance(row, BadRow):
        return Reject(row.number, row.line, row.reason, row.message)
    values = row.values
    text = values.get(fields.text)
    if text is None:
        return Reject(row.number, row.line, "text_missing", "there is no text")
    if not isinstance(text, str):
        return Reject(row.number, row.line, "text_not_a_string", "the text is not a string")
    try:
        created_at = parse_time(values.get(fields.time)) if fields.time is not None else None
    except UnreadableTimeError as error:
        return Reject(row.number, row.line, error.reason, str(error))
    metadata = _value(values, fields.metadata)
    event = FeedbackInput(
        text=text,
        id=_name(values, fields.id) or f"{id_prefix}-{row.number}",
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
        return Reject(row.number, row.line, "not_utf8", "a value is not UTF-8")
    except (TypeError, RecursionError):
        return Reject(row.number, row.line, "schema", "the metadata cannot be written as JSON")
    return Publishable(row.number, event, created_at)


def _value(values: Mapping[str, Any], column: str | None) -> Any:
    return None if column is None else values.get(column)


def _name(values: Mapping[str, Any], column: str | None) -> str | None:
    """A name or an identifier as a string; None where there is none."""
    value = _value(values, column)
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():  # pandas turns whole numbers into floats beside a gap
        value = int(value)
    return str(value)


def _rating(value: object) -> float | None:
    """A number that stands in a column named `rating`; anything else there is somebody's own notation, left out."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= 1e6 else None
