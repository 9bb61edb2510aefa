"""Timing in turns, with made-up clocks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from training.comparison.process import Timed
from training.comparison.timing import Times, speed_of, surely_faster, time_in_rounds


class Scripted:
    """A contender whose passes take a given time, and which records the requests."""

    def __init__(self, name: str, seconds: Sequence[float], log: list[str]) -> None:
        self.name, self.seconds, self.log = name, list(seconds), log

    def time_batch(self, texts: Sequence[str]) -> Timed:
        self.log.append(f"{self.name}{len(texts)}")
        return Timed(self.seconds.pop(0), 0.5, 10 * len(texts))

    def time_singles(self, texts: Sequence[str]) -> list[float]:
        return [0.001 * len(text) for text in texts]


def test_all_take_turns_and_another_begins_each_round() -> None:
    """After a warm-up, which is not counted, every round has each contender once."""
    log: list[str] = []
    contenders = [Scripted(name, [9.0, 1.0, 2.0], log) for name in "ab"]
    done: list[int] = []
    times = time_in_rounds(contenders, ["x"] * 20, n_singles=5, rounds=2, after_round=done.append)
    assert log == ["a20", "b20", "a20", "b20", "b20", "a20"]
    assert done == [1, 2]
    assert [[one.wall_s for one in of.passes] for of in times] == [[1.0, 2.0], [1.0, 2.0]]
    assert all(len(of.singles_s) == 10 for of in times)


def test_speed_is_the_median_of_rounds_and_ratios_are_within_a_round() -> None:
    """A slow round slows both, and the ratio does not show it."""

    def of(*seconds: float) -> Times:
        return Times(100, tuple(Timed(wall_s, wall_s / 2, 1_000) for wall_s in seconds), tuple([0.01] * 99 + [0.05]))

    found = speed_of(of(1.0, 8.0, 2.0), of(2.0, 16.0, 4.0))
    assert found.texts_per_s == pytest.approx(50.0)
    assert found.tokens_per_s == pytest.approx(500.0)
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == pytest.approx((2.0, 2.0, 2.0))
    assert found.cpu_ms_per_text == pytest.approx(10.0)
    assert found.latency_p50_ms == pytest.approx(10.0)
    assert 10.0 < found.latency_p99_ms < 50.0


def test_what_knows_no_tokens_has_no_tokens_a_second() -> None:
    """None, and not a zero that reads like a measurement."""
    times = Times(10, (Timed(1.0, 1.0, None),), (0.1,))
    assert speed_of(times, times).tokens_per_s is None


def walls(*seconds: float) -> Times:
    """Passes that took so long."""
    return Times(20, tuple(Timed(each, 0.5, 200) for each in seconds), (0.001,))


def test_faster_is_what_rounds_agree_on() -> None:
    """A machine that slows both hides nothing; rounds that disagree prove nothing; one round has no interval."""
    assert surely_faster(walls(1.0, 2.0, 4.0), walls(1.5, 3.1, 5.9))
    assert not surely_faster(walls(1.5, 3.1, 5.9), walls(1.0, 2.0, 4.0))
    assert not surely_faster(walls(1.0, 1.2, 1.0), walls(1.1, 1.1, 1.3))
    assert surely_faster(walls(1.0), walls(1.1))
