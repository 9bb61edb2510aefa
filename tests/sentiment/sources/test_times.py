"""Times: what is read is read right, and what could be read in two ways is refused."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.errors import UsageError
from sentiment.sources.times import TimeNotation, UnreadableTimeError, parse_time

times = st.datetimes(min_value=datetime(1974, 1, 1), max_value=datetime(2099, 12, 31))
whole_seconds = times.map(lambda time: time.replace(microsecond=0))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(times, zones)
def test_rfc_3339_is_read_back_with_any_zone(time: datetime, zone: timezone) -> None:
    """What isoformat writes is read as the same instant, in UTC."""
    aware = time.replace(tzinfo=zone)
    read = parse_time(aware.isoformat())
    assert read == aware
    assert read.tzinfo is UTC


@given(times)
def test_a_time_without_a_zone_is_utc(time: datetime) -> None:
    """Neither the machine's zone nor the form (T or a space) changes what a time means."""
    assert parse_time(time.isoformat()) == parse_time(str(time)) == parse_time(time) == time.replace(tzinfo=UTC)


@given(whole_seconds)
def test_epoch_seconds_and_milliseconds_are_told_apart(time: datetime) -> None:
    """The same instant as seconds and as milliseconds, as numbers and as strings."""
    aware = time.replace(tzinfo=UTC)
    seconds = int(aware.timestamp())
    assert {parse_time(form) for form in (seconds, str(seconds), seconds * 1000, str(seconds * 1000))} == {aware}


@given(whole_seconds)
def test_twitter_s_format_is_read(time: datetime) -> None:
    """`Tue Oct 31 23:36:20 +0000 2017`."""
    assert parse_time(time.strftime("%a %b %d %H:%M:%S +0000 %Y")) == time.replace(tzinfo=UTC)


@given(whole_seconds, st.sampled_from(["/", ".", "-"]))
@settings(deadline=None, max_examples=60)
def test_day_and_month_are_never_guessed(time: datetime, separator: str) -> None:
    """With day and month as numbers and the year last, a time is read only where the other order is no date."""
    text = f"{time.day:02}{separator}{time.month:02}{separator}{time.year} {time:%H:%M:%S}"
    if time.day <= 12 and time.day != time.month:
        with pytest.raises(UnreadableTimeError) as refused:
            parse_time(text)
        assert refused.value.reason == "time_ambiguous"
    else:
        assert parse_time(text) == time.replace(tzinfo=UTC)


@given(whole_seconds, st.text("\u0020\u00a0\u2007\u2009\u202f\u205f\u3000\t", min_size=1, max_size=3))
@settings(deadline=None, max_examples=60)
def test_any_space_is_a_space(time: datetime, space: str) -> None:
    """Spreadsheets and browsers write U+202F or U+00A0 before AM and PM, and between the parts."""
    for text in (f"{time:%Y-%m-%d %I:%M:%S %p}", f"{time:%B %d, %Y %I:%M:%S %p}"):
        spaced = space + text.replace(" ", space) + space
        assert parse_time(spaced) == time.replace(tzinfo=UTC)


@given(whole_seconds, st.sampled_from(["/", ".", "-", ". "]), st.sampled_from(["%H:%M:%S", "%I:%M:%S\u202f%p"]))
@settings(deadline=None, max_examples=60)
def test_a_date_is_read_in_the_order_that_is_told(time: datetime, separator: str, clock: str) -> None:
    """Written in any order, with any separator, and read with that order or with the format itself."""
    for order, codes in {"DMY": "%d %m %Y", "MDY": "%m %d %Y"}.items():
        pattern = f"{codes.replace(' ', separator)} {clock}"
        text = time.strftime(pattern)
        for notation in (TimeNotation(order=order), TimeNotation(format=pattern)):  # type: ignore[arg-type]
            notation.check()
            assert parse_time(text, notation) == time.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "notation", "expected"),
    [
        ("31.12.24", TimeNotation("DMY"), datetime(2024, 12, 31)),
        ("24/12/31 3:04 p. m.", TimeNotation("YMD"), datetime(2024, 12, 31, 15, 4)),
        ("5-Jan-24", TimeNotation("MDY"), datetime(2024, 1, 5)),
        ("2024-02-01", TimeNotation("DMY"), datetime(2024, 2, 1)),
        (20240115, TimeNotation(format="%Y%m%d"), datetime(2024, 1, 15)),
    ],
)
def test_a_notation_settles_what_is_open_and_nothing_else(
    value: object, notation: TimeNotation, expected: datetime
) -> None:
    """Years of two digits and compact dates are read as told; a date that tells its order itself stays what it is."""
    assert parse_time(value, notation) == expected.replace(tzinfo=UTC)


@pytest.mark.parametrize("notation", [TimeNotation("MDY"), TimeNotation(format="%m/%d/%Y")])
def test_a_date_that_does_not_fit_the_notation_is_refused(notation: TimeNotation) -> None:
    """It is not read in another order."""
    with pytest.raises(UnreadableTimeError, match=r"MDY|--time-format") as refused:
        parse_time("31/12/2024", notation)
    assert refused.value.reason == "time_unreadable"


@pytest.mark.parametrize("notation", [TimeNotation(format="%H:%M"), TimeNotation("DMY", "%Y-%m-%d")])
def test_a_notation_that_cannot_tell_a_day_is_a_wrong_call(notation: TimeNotation) -> None:
    """Before any row is read."""
    with pytest.raises(UsageError):
        notation.check()


@given(st.text(max_size=40) | st.from_regex(r"[0-9TZ:/ .+-]{1,24}", fullmatch=True))
@settings(deadline=None, max_examples=60)
def test_what_is_read_is_what_pandas_reads(text: str) -> None:
    """Any text is refused, or read as pandas reads it with the day or the month first, or as a number."""
    try:
        read = parse_time(text)
    except UnreadableTimeError:
        return
    readings = set()
    for day_first in (False, True):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                readings.add(pd.to_datetime(text.strip(), dayfirst=day_first, utc=True).to_pydatetime(warn=False))
        except (ValueError, OverflowError):
            continue
    try:
        number = float(text)
        readings |= {datetime.fromtimestamp(number, UTC), datetime.fromtimestamp(number / 1000, UTC)}
    except (ValueError, OverflowError):
        pass
    assert read in readings


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024/1/2", datetime(2024, 1, 2)),
        ("2024-01-15 3:04 PM", datetime(2024, 1, 15, 15, 4)),
        ("2024-01-15 10:00 +0200", datetime(2024, 1, 15, 8)),
        ("2024-01-15 10:00 UTC", datetime(2024, 1, 15, 10)),
        ("2024-01-15t10:00:00z", datetime(2024, 1, 15, 10)),
        ("2024-06-30T23:59:60Z", datetime(2024, 6, 30, 23, 59, 59)),
        ("2024-01-15T10:00:00.123456789Z", datetime(2024, 1, 15, 10, 0, 0, 123456)),
        ("9/15/24 3:00", datetime(2024, 9, 15, 3)),
        ("Jan 5, 2024 3pm", datetime(2024, 1, 5, 15)),
        ("5-Jan-2024", datetime(2024, 1, 5)),
        ("Tue, 15 Nov 1994 12:45:26 GMT", datetime(1994, 11, 15, 12, 45, 26)),
        ("Monday, January 5th, 2024 at 3:04 PM", datetime(2024, 1, 5, 15, 4)),
        ("1700000000.5", datetime(2023, 11, 14, 22, 13, 20, 500000)),
        (date(2024, 1, 15), datetime(2024, 1, 15)),
    ],
)
def test_usual_notations_are_read(value: object, expected: datetime) -> None:
    """Notations that leave no choice."""
    assert parse_time(value) == expected.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("01/02/2024", "time_ambiguous"),
        ("31.12.24", "time_ambiguous"),
        ("20240115", "time_ambiguous"),
        (2024, "time_ambiguous"),
        ("", "time_missing"),
        (None, "time_missing"),
        ("10:30", "time_unreadable"),
        ("March 2024", "time_unreadable"),
        ("now", "time_unreadable"),
        ("2024-13-01", "time_unreadable"),
        ("29/02/23", "time_unreadable"),
        ("5-Jan-24", "time_ambiguous"),
        ("2024-01-15 10:00 EST", "time_unreadable"),
        ("2024-01-15 10:00 GMT+2", "time_unreadable"),
        ("２０２４-01-01", "time_unreadable"),
        (float("nan"), "time_unreadable"),
        (True, "time_unreadable"),
        (1.7e18, "time_unreadable"),
        ([2024], "time_unreadable"),
    ],
)
def test_what_needs_a_guess_is_refused_with_its_reason(value: object, reason: str) -> None:
    """Half a date, two possible dates, unknown zones and numbers that may be anything."""
    with pytest.raises(UnreadableTimeError) as refused:
        parse_time(value)
    assert refused.value.reason == reason
