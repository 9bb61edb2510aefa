"""Behavioural cases: enough of them, well formed, reproducible, and judged by the stated tolerances."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.audit import cases, lexicon
from training.audit.behaviour import Answer, failed, judge
from training.audit.cases import Case
from training.audit.perturbations import PERTURBATIONS

SUITE = cases.built_in(seed=13)


def test_every_capability_has_enough_cases() -> None:
    """At least 60 different cases for each, of all three kinds together."""
    counts = Counter(case.capability for case in set(SUITE))
    by_meaning = {"negation", "intensity", "no problems", "emoji", "sarcasm", "neutral"}
    assert set(counts) == by_meaning | {"casing", "typos", "handles and links"}
    assert min(counts.values()) >= 60
    assert {case.kind for case in SUITE} == {"label", "direction", "invariance"}


def test_cases_are_well_formed() -> None:
    """No slot is left, a label case expects something, and a pair has two different texts."""
    for case in SUITE:
        assert not any(sign in text for text in case.texts for sign in "{}")
        if case.kind == "label":
            assert len(case.texts) == 1
            assert case.expect
        else:
            assert len(set(case.texts)) == 2
            assert (case.sign != 0) == (case.kind == "direction")


def test_the_seed_decides_the_cases() -> None:
    """The same seed gives the same suite, another one other fillings."""
    assert cases.built_in(seed=13) == SUITE
    assert cases.built_in(seed=14) != SUITE


def test_a_suite_holds_no_case_twice() -> None:
    """Fillings are drawn without replacement."""
    assert len(set(SUITE)) == len(SUITE)


@pytest.mark.parametrize(
    ("case", "scores", "labels", "fault"),
    [
        (Case("c", "t", "label", ("a",), expect=(1, 2)), [0.0], [1], False),
        (Case("c", "t", "label", ("a",), expect=(1, 2)), [0.0], [0], True),
        (Case("c", "t", "direction", ("a", "b"), sign=1), [0.5, 0.41], [2, 2], False),
        (Case("c", "t", "direction", ("a", "b"), sign=1), [0.5, 0.39], [2, 2], True),
        (Case("c", "t", "direction", ("a", "b"), sign=-1), [0.5, 0.39], [2, 2], False),
        (Case("c", "t", "invariance", ("a", "b")), [0.0, 0.19], [1, 2], False),
        (Case("c", "t", "invariance", ("a", "b")), [0.0, 0.21], [1, 2], True),
        (Case("c", "t", "invariance", ("a", "b")), [0.3, 0.9], [2, 2], False),
    ],
)
def test_a_case_fails_beyond_its_tolerance(case: Case, scores: list[float], labels: list[int], fault: bool) -> None:
    """Labels are strict, directions may be off by 0.1, invariances by a label or by 0.2 but not by both."""
    assert failed(case, scores, labels) is fault


def test_failures_are_counted_by_capability_and_test() -> None:
    """Counts, rate and examples are those of the failed cases, and the interval holds the rate."""
    answers = {"good": Answer(0.9, 2), "bad": Answer(-0.9, 0)}
    suite = [Case("c", "one", "label", ("good",), expect=(2,)), Case("c", "two", "label", ("bad",), expect=(2,))]
    (result,) = judge(suite, answers)
    assert (result.n, result.failures, result.rate, result.examples) == (2, 1, 0.5, [("bad",)])
    assert [(test.name, test.n, test.failures) for test in result.tests] == [("one", 1, 0), ("two", 1, 1)]
    assert 0.0 < result.interval.low < 0.5 < result.interval.high < 1.0


@given(st.integers(0, 2**32 - 1), st.sampled_from([case.texts[0] for case in SUITE if case.capability == "casing"]))
def test_typos_are_one_slip(seed: int, text: str) -> None:
    """A swap keeps all letters, an omission loses one, a doubling adds one, and none changes another place."""

    def typo(kind: str) -> str:
        return PERTURBATIONS[kind](text, np.random.default_rng(seed))

    assert Counter(typo("letters swapped")) == Counter(text)
    assert sum(one != other for one, other in zip(typo("letters swapped"), text, strict=True)) == 2
    assert sum((Counter(text) - Counter(typo("letter left out"))).values()) == 1
    assert len(typo("letter left out")) == len(text) - 1
    assert sum((Counter(typo("letter doubled")) - Counter(text)).values()) == 1
    assert len(typo("letter doubled")) == len(text) + 1


@given(st.integers(1, 40), st.integers(0, 1000))
def test_fillings_are_different_and_share_their_words(most: int, seed: int) -> None:
    """At most as many as asked, without replacement, each slot with one value throughout a pair."""
    words = {"x": ["1", "2", "3"], "y": list("abcd")}
    filled = lexicon.fill(["{x} {y}", "{y}{y} {x}"], words, most, np.random.default_rng(seed))
    assert len(filled) == len(set(filled)) == min(most, 12)
    assert all(second == f"{first[2]}{first[2]} {first[0]}" for first, second in filled)
