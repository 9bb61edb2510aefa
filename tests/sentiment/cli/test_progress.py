"""Progress without a terminal: plain lines now and then, which nothing in a file's name can steer."""

from __future__ import annotations

import pytest

from sentiment.cli.progress import Ticker


class FakeClock:
    """A monotonic clock that tests set."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_line_comes_every_five_seconds_with_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows done before the phase began are in the count and not in the rate; progress in between says nothing."""
    clock = FakeClock()
    with Ticker(clock) as ticker:
        ticker.begin("scoring", total=100, done=10)
        for clock.now_s, done in ((1.0, 20), (5.0, 60), (9.0, 70)):
            ticker.at(done)
    assert capsys.readouterr() == ("", "scoring: 60 of 100 rows, 10 rows/s, 0:04 left\n")


def test_the_rate_is_that_of_the_last_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """A slow beginning is forgotten, so that the time left is right as soon as the pace is."""
    clock = FakeClock()
    with Ticker(clock) as ticker:
        ticker.begin("training", total=1_000)
        for clock.now_s, done in ((20.0, 2), (40.0, 100), (60.0, 400), (70.0, 550)):
            ticker.at(done)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "training: 550 of 1,000 rows, 15 rows/s, 0:30 left"


def test_what_follows_is_counted_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A training is not over when its last step is: the time left is also that of all phases."""
    clock = FakeClock()
    with Ticker(clock) as ticker:
        ticker.begin("training", total=1_000, after=500)
        clock.now_s = 10.0
        ticker.at(100)
    said = "training: 100 of 1,000 rows, 10 rows/s, 1:30 left, 2:20 with all that follows\n"
    assert capsys.readouterr().err == said


def test_a_slow_rate_has_a_decimal(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a few rows a second, the tenths matter."""
    clock = FakeClock()
    with Ticker(clock) as ticker:
        ticker.begin("training", total=100)
        clock.now_s = 10.0
        ticker.at(16)
    assert capsys.readouterr().err == "training: 16 of 100 rows, 1.6 rows/s, 0:52 left\n"


def test_without_a_total_there_is_no_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe has no end that is known."""
    clock = FakeClock()
    with Ticker(clock) as ticker:
        ticker.begin("publishing", total=None)
        clock.now_s = 10.0
        ticker.at(1_000)
    assert capsys.readouterr().err == "publishing: 1,000 rows, 100 rows/s\n"


def test_messages_are_printable_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A name from outside is neither an escape sequence nor markup."""
    with Ticker() as ticker:
        ticker.say("wrote [red]a\x1b[2J.csv")
    assert capsys.readouterr().err == "wrote [red]a\ufffd[2J.csv\n"
