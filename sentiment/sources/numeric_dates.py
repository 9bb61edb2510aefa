"""Dates whose parts stand in an order that the value alone may not tell: `03/04/2024`, `31.12.24`, `5-Jan-24`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

DateOrder = Literal["DMY", "MDY", "YMD"]
"""The order of day, month and year. A year of four digits tells its own place; one of two digits does not."""

_SHAPE = re.compile(
    r"(\d{1,2})(?:([-/]|\. ?)(\d{1,2})|([-/ ])([A-Za-z]{3,9}))(?:\2|\4)(\d{4}|\d{2})(?=[Tt ,]|$)[Tt ,]*(.*)",
    re.ASCII,
)
MONTH = re.compile(
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIRST_YEAR = 69
"""Two digits mean a year from 1969 to 2068, as in POSIX: the same on any day that the file is read."""


@dataclass(frozen=True, slots=True)
class NumericDate:
    """The three parts of a date in the order of the text, and what follows them."""

    first: int
    middle: int
    last: int
    year_has_two_digits: bool
    month_in_words: bool
    rest: str

    def readings(self) -> dict[DateOrder, date]:
        """The days that this can be, by order. A month in words fits any order of day and month."""
        day_first = _day(self.last, self.middle, self.first, self.year_has_two_digits)
        month_first = day_first
        if not self.month_in_words:
            month_first = _day(self.last, self.first, self.middle, self.year_has_two_digits)
        year_first = _day(self.first, self.middle, self.last, two_digits=True) if self.year_has_two_digits else None
        found: dict[DateOrder, date | None] = {"DMY": day_first, "MDY": month_first, "YMD": year_first}
        return {order: day for order, day in found.items() if day is not None}


def numeric_date(text: str) -> NumericDate | None:
    """The parts of `text`, whose spaces are single, or None if it has not this shape."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    first, _, number, _, word, last, rest = found.groups()
    two_digits = len(last) == 2
    if word is None:
        return NumericDate(int(first), int(number), int(last), two_digits, False, rest)
    if not two_digits or not MONTH.fullmatch(word):  # with a year of four digits, nothing is open
        return None
    return NumericDate(int(first), month_number(word), int(last), True, True, rest)


def month_number(word: str) -> int:
    """1 to 12, for a name or its first letters. Raises ValueError."""
    return _MONTHS.index(word[:3].lower()) + 1


def _day(year: int, month: int, day: int, two_digits: bool) -> date | None:
    if two_digits:
        year += 1900 if year >= _FIRST_YEAR else 2000
    try:
        return date(year, month, day)
    except ValueError:
        return None
