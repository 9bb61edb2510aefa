"""Finds the order of day and month from a whole column, never from one row: a value above 12 tells for all.

A pipe has no whole column. Its rows wait from the first date that can be two different days until a row tells.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from consumers.ingest.fields import Fields
from sentiment.errors import InputError
from sentiment.sources import BadRow, FileFormat, InputFile, Row, open_rows
from sentiment.sources.numeric_dates import DateOrder
from sentiment.sources.times import TimeNotation, undecided_date

MOST_WAITING = 1_000
"""Rows of a pipe that wait for one that tells the order of dates."""

_MOST_WAITING_CHARACTERS = 4 * 1024 * 1024
_HINT = "say it with --date-order (DMY, MDY or YMD) or --time-format"


class DateOrders:
    """What the values of one column tell. Each attribute is the first place of its kind.

    A year of two digits may also stand first, so only a value that cannot be read so rules that out.
    """

    def __init__(self) -> None:
        self._only: dict[DateOrder, str] = {}
        self._open: str | None = None
        self._year_first: str | None = None
        self._year_last = False

    def add(self, value: object, place: str) -> None:
        """Note one value."""
        found = undecided_date(value)
        if found is None:
            return
        readings = found.readings()
        year_first = readings.pop("YMD", None)
        if not readings:  # not a date, or one that is only plausible with the year first: a slip
            return
        if year_first is None:
            self._year_last = True
        elif set(readings.values()) != {year_first}:
            self._year_first = self._year_first or place
        if len(readings) == 1:
            self._only.setdefault(next(iter(readings)), place)
        elif len(set(readings.values())) > 1:
            self._open = self._open or place

    @property
    def decided(self) -> bool:
        """Whether the values so far tell the order, and more could only contradict."""
        return bool(self._only) and (self._year_first is None or self._year_last)

    def decide(self, column: str) -> DateOrder | None:
        """The order of all dates, or None if no value needs one. Raises InputError: the column does not tell."""
        if len(self._only) > 1:
            day, month = self._only["DMY"], self._only["MDY"]
            raise InputError(
                f"{column} has dates with the day first ({day}) and with the month first ({month})", hint=_HINT
            )
        if self._year_first is not None and not self._year_last:
            raise InputError(f"{column} does not tell where the year stands ({self._year_first})", hint=_HINT)
        if self._only:
            return next(iter(self._only))
        if self._open is not None:
            raise InputError(
                f"{column} does not tell which number is the day and which the month ({self._open}): none is above 12",
                hint=_HINT,
            )
        return "DMY" if self._year_last else None


def with_date_order(given: InputFile, file_format: FileFormat, fields: Fields) -> Fields:
    """`fields` with the order of dates that the whole file has, unless it was told. Reads the file once.

    Raises InputError: the file cannot be read, or its dates do not tell.
    """
    return dataclasses.replace(fields, times=ordered(given, file_format, fields.time, fields.times))


def ordered(given: InputFile, file_format: FileFormat, column: str | None, times: TimeNotation) -> TimeNotation:
    """`times` with the order that the dates of `column` have, unless it was told. Raises as `with_date_order`."""
    if column is None or times.order is not None or times.format is not None:
        return times
    orders = DateOrders()
    with open_rows(given, file_format, [column]) as opened:
        for row in opened.rows:
            if isinstance(row, Row):
                orders.add(row.values.get(column), row.place)
    return dataclasses.replace(times, order=orders.decide(f"{given.name}: column {column!r}"))


def with_order_ahead(
    rows: Iterable[Row | BadRow], column: str | None, times: TimeNotation, name: str, say: Callable[[str], None]
) -> Iterator[tuple[Row | BadRow, TimeNotation]]:
    """Each row of a pipe with the notation of its time: it has the order of dates once a row has told it.

    `say` is called if rows have to wait for that.

    Raises InputError: none of `MOST_WAITING` rows tells the order of the dates among them, nor does one before the end.
    """
    if column is None or times.order is not None or times.format is not None:
        yield from ((row, times) for row in rows)
        return
    orders, waiting, n_characters = DateOrders(), list[Row | BadRow](), 0
    rest = iter(rows)
    for row in rest:
        date = row.values.get(column) if isinstance(row, Row) else None
        orders.add(date, row.place)
        if not waiting and not _is_open(date):
            yield row, times
        else:
            if not waiting:
                say(f"rows wait until one tells whether day or month comes first; {_HINT}")
            waiting.append(row)
            n_characters += _size(row)
        if orders.decided or len(waiting) >= MOST_WAITING or n_characters > _MOST_WAITING_CHARACTERS:
            break
    order = orders.decide(f"{name}: column {column!r}") if waiting or orders.decided else None
    told = dataclasses.replace(times, order=order)
    yield from ((row, told) for row in chain(waiting, rest))


def _is_open(value: object) -> bool:
    """Whether it can be more than one day."""
    found = undecided_date(value)
    return found is not None and len(set(found.readings().values())) > 1


def _size(row: Row | BadRow) -> int:
    if isinstance(row, BadRow):
        return 0
    return len(row.raw or b"") or sum(len(value) for value in row.values.values() if isinstance(value, str))
