"""Reads times in the notations that files have, and never guesses between two meanings.

It reads RFC 3339 and its looser relatives (`2024-09-15 19:47:02`), Twitter's `Tue Oct 31 23:36:20 +0000 2017`, seconds
or milliseconds since 1970, months in words as pandas reads them, and dates such as `31/01/2024`. A time without a zone
is UTC. `01/02/2024` may be two different days, so it is refused unless a `TimeNotation` tells the order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sentiment.decoding import LATEST
from sentiment.errors import UsageError
from sentiment.sources.numeric_dates import MONTH, DateOrder, NumericDate, month_number, numeric_date

# A smaller number is more likely a year (2024), a compact date (20240131) or a day of a spreadsheet (45322).
_FIRST_EPOCH_S = 100_000_000.0  # 1973-03-03
_LAST_EPOCH_S = LATEST.timestamp()

_MOST_CHARACTERS = 64
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,9})?", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([-/]|\. ?)(\d{1,2})\2(\d{1,2})\.?(?=[Tt ,]|$)[Tt ,]*(.*)", re.ASCII)
_CLOCK = re.compile(
    r"(?:\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s*[ap]m)?|\d{1,2}\s*[ap]m)"
    r"(?:\s*(?:UTC|GMT|Z|[+-]\d{2}:?\d{2})(?![\w:+-]))?",  # UTC+2 in POSIX is the opposite of UTC+2 in ISO 8601
    re.ASCII | re.IGNORECASE,
)
_AM_PM = re.compile(r"(?<=\d) ?([ap])(?:m\b|\. ?m\.?)", re.ASCII | re.IGNORECASE)
_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?", re.IGNORECASE)
_TWITTER = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) (\d{2}):(\d{2}):(\d{2}) \+0000 (\d{4})", re.ASCII)


class UnreadableTimeError(ValueError):
    """Not a time, or ambiguous. `reason` is a code; the message never contains the value."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TimeNotation:
    """How the times of a column are written, if they do not tell it themselves.

    `format` has the codes of `datetime.strptime`; with it, no other notation is read. `order` is for dates such as
    `01/02/2024`: all other notations are still read.
    """

    order: DateOrder | None = None
    format: str | None = None

    def check(self) -> None:
        """Raises UsageError: both are given, or a date that is written in `format` cannot be read back."""
        if self.format is None:
            return
        if self.order is not None:
            raise UsageError("--date-order and --time-format exclude each other")
        samples = (datetime(1998, 3, 14, 21, 5, 9, tzinfo=UTC), datetime(2024, 11, 6, 8, 50, tzinfo=UTC))
        try:
            same = all(
                _strptime(sample.strftime(self.format), self.format).date() == sample.date() for sample in samples
            )
        except ValueError:
            same = False
        if not same:
            raise UsageError(
                f"--time-format {self.format!r} does not tell year, month and day",
                hint="the codes are those of Python's strptime, for instance '%d.%m.%Y %H:%M'",
            )


ANY_NOTATION = TimeNotation()


def parse_time(value: object, notation: TimeNotation = ANY_NOTATION) -> datetime:
    """Return the time that `value` means, in UTC.

    Raises:
        UnreadableTimeError: `time_missing`, `time_ambiguous` or `time_unreadable`.
    """
    if notation.format is not None and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # 20240131 in JSON
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    if isinstance(value, bool):
        raise UnreadableTimeError("time_unreadable", "true and false are not times")
    if isinstance(value, int | float):
        return _from_epoch(float(value))
    if value is None:
        raise UnreadableTimeError("time_missing", "there is no time")
    if not isinstance(value, str):
        raise UnreadableTimeError("time_unreadable", f"a {type(value).__name__} is not a time")
    text = plain_spaces(value)
    if not text:
        raise UnreadableTimeError("time_missing", "there is no time")
    if len(text) > _MOST_CHARACTERS:
        raise UnreadableTimeError("time_unreadable", "the value is too long for a time")
    if notation.format is not None:
        return _from_format(text, notation.format)
    return _from_text(_AM_PM.sub(r" \1m", text), notation.order)


def undecided_date(value: object) -> NumericDate | None:
    """The date in `value` if it is in a notation of which only the order of the parts is open, else None."""
    if not isinstance(value, str) or len(value) > 4 * _MOST_CHARACTERS:
        return None
    found = numeric_date(_AM_PM.sub(r" \1m", plain_spaces(value)))
    return found if found is not None and _is_clock(found.rest) else None


def plain_spaces(text: str) -> str:
    """`text` with single spaces, none outside. Newer ICU libraries write U+202F before AM and PM."""
    return " ".join(text.split())


def _from_text(text: str, order: DateOrder | None) -> datetime:
    if _NUMBER.fullmatch(text):
        return _from_epoch(float(text))
    if found := _TWITTER.fullmatch(text):
        return _from_twitter(found)
    if found := _YEAR_FIRST.fullmatch(text):
        year, _, month, day, rest = found.groups()
        return _from_iso(f"{year}-{month:0>2}-{day:0>2}", rest)
    if parts := numeric_date(text):
        _require_clock(parts.rest)
        return _from_iso(_choose(parts, order).isoformat(), parts.rest)
    _require_month_in_words(text)
    return _from_pandas(text)


def _choose(parts: NumericDate, order: DateOrder | None) -> date:
    readings = parts.readings()
    if order is not None:
        if order not in readings:
            raise UnreadableTimeError("time_unreadable", f"this is not a date in the order {order}")
        return readings[order]
    days = set(readings.values())
    if len(days) > 1:
        raise UnreadableTimeError(
            "time_ambiguous", "it is not clear which number is the day and which the month; --date-order says it"
        )
    if set(readings) <= {"YMD"}:  # 29/02/23, which is not a day, is not one in 2029 either
        raise _unreadable()
    return days.pop()


def _strptime(text: str, pattern: str) -> datetime:
    return datetime.strptime(text, pattern)  # noqa: DTZ007 a time without a zone is UTC, see `_utc`


def _from_format(text: str, pattern: str) -> datetime:
    try:
        return _utc(_strptime(text, plain_spaces(pattern)))
    except ValueError:
        raise UnreadableTimeError("time_unreadable", "the time is not written as --time-format says") from None


def _from_epoch(number: float) -> datetime:
    if _FIRST_EPOCH_S <= number < _LAST_EPOCH_S:
        return datetime.fromtimestamp(number, UTC)
    if _FIRST_EPOCH_S * 1000 <= number < _LAST_EPOCH_S * 1000:
        return datetime.fromtimestamp(number / 1000, UTC)
    if 0 <= number < _FIRST_EPOCH_S:
        raise UnreadableTimeError(
            "time_ambiguous",
            "a number this small may be a date, a year or seconds since 1970; --time-format says it",
        )
    raise UnreadableTimeError("time_unreadable", "the number is neither seconds nor milliseconds since 1970")


def _from_twitter(found: re.Match[str]) -> datetime:
    month, day, hour, minute, second, year = found.groups()
    try:
        return datetime(int(year), month_number(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        raise _unreadable() from None


def _from_iso(day: str, rest: str) -> datetime:
    """Read a date that is written year first, and the time of day after it."""
    clock = re.sub(r"\s*(?:UTC|GMT|Z)$", "Z", rest.strip(), flags=re.IGNORECASE)
    clock = re.sub(r"\s+(?=[+-]\d{2})", "", clock)
    clock = re.sub(r"^(\d{2}:\d{2}):60(?!\d)", r"\1:59", clock)  # a leap second, as RFC 3339 writes it
    try:
        return _utc(datetime.fromisoformat(f"{day}T{clock}" if clock else day))
    except ValueError:
        pass
    _require_clock(rest)
    return _from_pandas(f"{day} {rest}", day_first=(False,))


def _is_clock(rest: str) -> bool:
    return not rest.strip() or _CLOCK.fullmatch(rest.strip()) is not None


def _require_clock(rest: str) -> None:
    """Raise unless `rest` is empty, or a time of day with or without a zone. Pandas would guess."""
    if not _is_clock(rest):
        raise _unreadable()


def _require_month_in_words(text: str) -> None:
    """Raise unless there is one month in words, one year of four digits and one day, beside weekday and time of day."""
    words = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", _CLOCK.sub(" ", text), flags=re.IGNORECASE)
    tokens = re.split(r"[\s,.\-/]+", words)
    kinds = sorted(kind for token in tokens if token and (kind := _kind(token)) != "filler")
    if kinds != ["day", "month", "year"]:
        raise _unreadable()


def _kind(token: str) -> str:
    if MONTH.fullmatch(token):
        return "month"
    if _WEEKDAY.fullmatch(token) or token.lower() in {"at", "of", "t"}:
        return "filler"
    if token.isascii() and token.isdigit():
        return {1: "day", 2: "day", 4: "year"}.get(len(token), "other")
    return "other"


def _from_pandas(text: str, *, day_first: tuple[bool, ...] = (False, True)) -> datetime:
    """Return the time that pandas reads with each of these choices. Raises if there are two, or none."""
    import warnings

    import pandas as pd

    readings = set()
    for choice in day_first:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "dayfirst was specified but …": the readings are compared below
                readings.add(_utc(pd.to_datetime(text, dayfirst=choice).to_pydatetime(warn=False)))
        except (ValueError, OverflowError, AttributeError):
            continue
    if len(readings) != 1:
        raise _unreadable()
    return readings.pop()


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        raise _unreadable() from None


def _unreadable() -> UnreadableTimeError:
    return UnreadableTimeError("time_unreadable", "this time cannot be read; write times as 2024-01-31T23:59:00Z")
