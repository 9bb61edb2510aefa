"""Turns Arrow arrays into Python values, whatever their type is. Arrow itself fails for some.

A value becomes what `to_pylist` gives, with these exceptions, in which nothing is lost either:

- A time, a time of day or a duration that Python's type cannot hold exactly, since it has nanoseconds or is too far
  away, becomes its text in ISO 8601.
- A time in a zone that this machine does not know is in UTC.
- Bytes that are not UTF-8 in a string become lone surrogates (PEP 383), as in CSV.
- Bytes that nobody calls a string, and that are UTF-8, are one: older writers have no other strings.
- A struct with several fields of one name becomes a list of pairs, as a map does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, cast

import pyarrow as pa
import pyarrow.types as pat

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS_A_DAY = 86_400


def to_python(array: Any) -> list[Any]:
    """The values of an `Array` or a `ChunkedArray` in order; None for a null."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in to_python(chunk)]
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        # Arrow's own UUIDs and booleans. What a foreign type means is not known here.
        return _plain(array) if kind.extension_name in {"arrow.uuid", "arrow.bool8"} else to_python(array.storage)
    if pat.is_dictionary(kind):
        entries = to_python(array.dictionary)
        return [None if index is None else entries[index] for index in array.indices.to_pylist()]
    if pat.is_struct(kind):
        return _structs(array)
    if pat.is_nested(kind) and not pat.is_union(kind):
        return _lists(array)
    if pat.is_timestamp(kind):
        return _numbers(array, pa.int64(), _timestamp_of(kind.unit, kind.tz))
    if pat.is_date(kind):
        days = 1 if pat.is_date32(kind) else _SECONDS_A_DAY * 1_000
        return _numbers(array, pa.int32() if days == 1 else pa.int64(), lambda number: _date(number // days))
    if pat.is_time(kind):
        width = pa.int32() if pat.is_time32(kind) else pa.int64()
        return _numbers(array, width, lambda number: _time_of_day(number, _PER_SECOND[kind.unit]))
    if pat.is_duration(kind):
        return _numbers(array, pa.int64(), lambda number: _duration(number, _PER_SECOND[kind.unit]))
    if pat.is_binary(kind) or pat.is_large_binary(kind) or pat.is_binary_view(kind):
        return [None if value is None else _text_or_bytes(value) for value in _plain(array)]
    return _strings(array) if _is_string(kind) else _plain(array)


def _text_or_bytes(value: bytes) -> str | bytes:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _plain(array: Any) -> list[Any]:
    return cast("list[Any]", array.to_pylist())


def _is_string(kind: Any) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or pat.is_string_view(kind))


def _strings(array: Any) -> list[Any]:
    try:
        return _plain(array)
    except UnicodeDecodeError:
        values = array.cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode("utf-8", "surrogateescape") for value in values]


def _structs(array: Any) -> list[Any]:
    names = [field.name for field in array.type]
    present = array.is_valid().to_pylist()
    columns = [to_python(column) for column in array.flatten()]
    make: Callable[[Any], Any] = dict if len(set(names)) == len(names) else list
    rows = zip(*columns, strict=True) if columns else ((),) * len(array)
    return [make(zip(names, row, strict=True)) if there else None for there, row in zip(present, rows, strict=True)]


def _lists(array: Any) -> list[Any]:
    """Lists of every kind, and maps, which are lists of pairs."""
    pairs = pat.is_map(array.type)
    values: list[Any] = []
    for at in range(len(array)):
        if not array[at].is_valid:
            values.append(None)
            continue
        inner = array[at].values
        if pairs:
            values.append(list(zip(to_python(inner.field(0)), to_python(inner.field(1)), strict=True)))
        else:
            values.append(to_python(inner))
    return values


def _numbers(array: Any, width: Any, convert: Callable[[int], Any]) -> list[Any]:
    return [None if number is None else convert(number) for number in array.view(width).to_pylist()]


def _timestamp_of(unit: str, zone_name: str | None) -> Callable[[int], Any]:
    per_second = _PER_SECOND[unit]
    zone = None if zone_name is None else _zone(zone_name)

    def convert(number: int) -> Any:
        microseconds, rest = divmod(number * 10**6, per_second)
        try:
            if rest == 0:
                moment = _EPOCH + timedelta(microseconds=microseconds)
                return moment.replace(tzinfo=None) if zone is None else moment.astimezone(zone)
        except OverflowError:
            pass
        return _iso(number, per_second) + ("" if zone is None else "Z")

    return convert


def _zone(name: str) -> tzinfo:
    try:
        found: tzinfo = pa.lib.string_to_tzinfo(name)
    except (pa.ArrowException, ValueError, KeyError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return UTC
    return found


def _date(days: int) -> Any:
    try:
        return date(1970, 1, 1) + timedelta(days=days)
    except OverflowError:
        return _iso(days * _SECONDS_A_DAY, 1).partition("T")[0]


def _time_of_day(number: int, per_second: int) -> Any:
    microseconds, rest = divmod(number * 10**6, per_second)
    if rest == 0 and 0 <= microseconds < _SECONDS_A_DAY * 10**6:
        return (_EPOCH + timedelta(microseconds=microseconds)).time()
    if 0 <= number < _SECONDS_A_DAY * per_second:
        return _clock(number, per_second)
    return _duration_text(number, per_second)


def _duration(number: int, per_second: int) -> Any:
    microseconds, rest = divmod(number * 10**6, per_second)
    try:
        if rest == 0:
            return timedelta(microseconds=microseconds)
    except OverflowError:
        pass
    return _duration_text(number, per_second)


def _duration_text(number: int, per_second: int) -> str:
    seconds, fraction = divmod(abs(number), per_second)
    return f"{'-' if number < 0 else ''}PT{seconds}{_fraction(fraction, per_second)}S"


def _clock(number: int, per_second: int) -> str:
    seconds, fraction = divmod(number, per_second)
    whole = time(seconds // 3600, seconds // 60 % 60, seconds % 60)
    return whole.isoformat() + _fraction(fraction, per_second)


def _fraction(fraction: int, per_second: int) -> str:
    return f".{fraction:0{len(str(per_second)) - 1}}" if fraction else ""


def _iso(number: int, per_second: int) -> str:
    """The time that is `number` units after 1970, in the proleptic Gregorian calendar, which repeats in 400 years."""
    seconds, fraction = divmod(number, per_second)
    days, second = divmod(seconds, _SECONDS_A_DAY)
    eras, day = divmod(days, 146_097)
    within = date(1970, 1, 1) + timedelta(days=day)
    year = within.year + 400 * eras
    shown = f"{year:04}" if 0 <= year <= 9999 else f"{year:+05}"
    clock = _clock(second * per_second + fraction, per_second)
    return f"{shown}-{within.month:02}-{within.day:02}T{clock}"
