"""Reads times in the notations that files have, and never guesses between two meanings.

It reads RFC 3339 and its looser relatives (`2024-09-15 19:47:02`), Twitter's `Tue Oct 31 23:36:20 +0000 2017`, seconds
or milliseconds since 1970, and whatever pandas reads the same way with the day first and with the month first. A time
without a zone is UTC. `01/02/2024` may be two different days, so it is refused; `31/01/2024` is not.
"""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, time

from sentiment.decoding import LATEST

# A smaller number is more likely a year (2024), a compact date (20240131) or a day of a spreadsheet (45322).
_FIRST_EPOCH_S = 100_000_000.0  # 1973-03-03
_LAST_EPOCH_S = LATEST.timestamp()

_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,9})?", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?=[Tt\s]|$)[Tt\s]*(.*)", re.ASCII | re.DOTALL)
_YEAR_LAST = re.compile(r"\d{1,2}([-/.])\d{1,2}\1(\d{2}|\d{4})(?=[Tt\s,]|$)[Tt\s,]*(.*)", re.ASCII | re.DOTALL)
_CLOCK = re.compile(
    r"(?:\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s*[ap]\.?m\.?)?|\d{1,2}\s*[ap]\.?m\.?)"
    r"(?:\s*(?:UTC|GMT|Z|[+-]\d{2}:?\d{2})(?![\w:+-]))?",  # UTC+2 in POSIX is the opposite of UTC+2 in ISO 8601
    re.ASCII | re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = re.compile(
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?", re.IGNORECASE)
_TWITTER = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) (\d{2}):(\d{2}):(\d{2}) \+0000 (\d{4})", re.ASCII)


class UnreadableTimeError(ValueError):
    """Not a time, or ambiguous. `reason` is a code; the message never contains the value."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def parse_time(value: object) -> datetime:
    """Return the time that `value` means, in UTC.

    Raises:
        UnreadableTimeError: `time_missing`, `time_ambiguous` or `time_unreadable`.
    """
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
    text = " ".join(value.split())  # any space: newer ICU libraries write U+202F before AM and PM
    if not text:
        raise UnreadableTimeError("time_missing", "there is no time")
    if len(text) > 64:
        raise UnreadableTimeError("time_unreadable", "the value is too long for a time")
    return _from_text(text)


def _from_text(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return _from_epoch(float(text))
    if found := _TWITTER.fullmatch(text):
        return _from_twitter(found)
    if found := _YEAR_FIRST.fullmatch(text):
        year, _, month, day, rest = found.groups()
        return _from_iso(f"{year}-{month:0>2}-{day:0>2}", rest)
    if found := _YEAR_LAST.fullmatch(text):
        _require_clock(found[3])
        read = _from_pandas(text, year_first=(False, True))
        if read.year % 100 != int(found[2]) % 100:  # pandas reads 29/02/23, which is not a day, as one in 2029
            raise _unreadable()
        return read
    _require_month_in_words(text)
    return _from_pandas(text)


def _from_epoch(number: float) -> datetime:
    if _FIRST_EPOCH_S <= number < _LAST_EPOCH_S:
        return datetime.fromtimestamp(number, UTC)
    if _FIRST_EPOCH_S * 1000 <= number < _LAST_EPOCH_S * 1000:
        return datetime.fromtimestamp(number / 1000, UTC)
    if 0 <= number < _FIRST_EPOCH_S:
        raise UnreadableTimeError("time_ambiguous", "a number this small may be a date, a year or seconds since 1970")
    raise UnreadableTimeError("time_unreadable", "the number is neither seconds nor milliseconds since 1970")


def _from_twitter(found: re.Match[str]) -> datetime:
    month, day, hour, minute, second, year = found.groups()
    try:
        number = _MONTHS.index(month.lower()) + 1
        return datetime(int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=UTC)
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


def _require_clock(rest: str) -> None:
    """Raise unless `rest` is empty, or a time of day with or without a zone. Pandas would guess."""
    if rest.strip() and not _CLOCK.fullmatch(rest.strip()):
        raise _unreadable()


def _require_month_in_words(text: str) -> None:
    """Raise unless there is one month in words, one year of four digits and one day, beside weekday and time of day."""
    words = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", _CLOCK.sub(" ", text), flags=re.IGNORECASE)
    tokens = re.split(r"[\s,.\-/]+", words)
    kinds = sorted(kind for token in tokens if token and (kind := _kind(token)) != "filler")
    if kinds != ["day", "month", "year"]:
        raise _unreadable()


def _kind(token: str) -> str:
    if _MONTH.fullmatch(token):
        return "month"
    if _WEEKDAY.fullmatch(token) or token.lower() in {"at", "of", "t"}:
        return "filler"
    if token.isascii() and token.isdigit():
        return {1: "day", 2: "day", 4: "year"}.get(len(token), "other")
    return "other"


def _from_pandas(
    text: str, *, day_first: tuple[bool, ...] = (False, True), year_first: tuple[bool, ...] = (False,)
) -> datetime:
    """Return the time that pandas reads with each of these choices. Raises if there are two, or none."""
    import warnings

    import pandas as pd

    readings = set()
    for day, year in itertools.product(day_first, year_first):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "dayfirst was specified but …": the readings are compared below
                readings.add(_utc(pd.to_datetime(text, dayfirst=day, yearfirst=year).to_pydatetime(warn=False)))
        except (ValueError, OverflowError, AttributeError):
            continue
    if not readings:
        raise _unreadable()
    if len(readings) > 1:
        raise UnreadableTimeError(
            "time_ambiguous",
            "it is not clear which number is the day and which the month; write times as 2024-01-31T23:59:00Z",
        )
    return readings.pop()


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        raise _unreadable() from None


def _unreadable() -> UnreadableTimeError:
    return UnreadableTimeError("time_unreadable", "this time cannot be read; write times as 2024-01-31T23:59:00Z")
