"""Failure rates of the behavioural cases, and when a case fails.

* A label case fails if the model predicts another label. Careful readers agree on these sentences.
* A direction case fails if the score moves more than 0.1 the wrong way. That is 5 % of its range: enough to ignore the
  rounding of int8 weights or a saturated score, but not a real reversal.
* An invariance case fails if the label changes *and* the score moves by more than 0.2. That is CheckList's tolerance,
  0.1 of a probability, doubled because the score is a difference of two. A label that flips with a smaller move was
  borderline before, and annotators differ on such texts as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from sentiment.statistics import Interval, wilson
from training.audit.cases import Case

DIRECTION_TOLERANCE = 0.1
INVARIANCE_TOLERANCE = 0.2


class Answer(NamedTuple):
    """p(positive) − p(negative), and the chosen label as an index of ``LABELS``."""

    score: float
    label: int


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """One test of a capability: `n` cases of one kind, of which `failures` failed."""

    __test__ = False

    name: str
    kind: str
    n: int
    failures: int


class CapabilityResult(msgspec.Struct, frozen=True, kw_only=True):
    """All tests of one capability. `interval` is the 95 % Wilson interval of `rate`; `examples` are failed texts."""

    capability: str
    n: int
    failures: int
    rate: float
    interval: Interval
    tests: list[TestResult]
    examples: list[tuple[str, ...]]


def failed(case: Case, scores: Sequence[float], labels: Sequence[int]) -> bool:
    """Whether a case fails, given the score and label of each of its texts."""
    if case.kind == "label":
        return labels[0] not in case.expect
    moved = scores[1] - scores[0]
    if case.kind == "direction":
        return case.sign * moved < -DIRECTION_TOLERANCE
    return labels[0] != labels[1] and abs(moved) > INVARIANCE_TOLERANCE


def judge(cases: Sequence[Case], answers: Mapping[str, Answer]) -> list[CapabilityResult]:
    """Results by capability, in the order of the cases. `answers` has the answer to every text."""
    by_capability: dict[str, list[tuple[Case, bool]]] = {}
    for case in cases:
        found = [answers[text] for text in case.texts]
        fault = failed(case, [each.score for each in found], [each.label for each in found])
        by_capability.setdefault(case.capability, []).append((case, fault))
    return [_result(capability, judged) for capability, judged in by_capability.items()]


def _result(capability: str, judged: Sequence[tuple[Case, bool]]) -> CapabilityResult:
    tests: dict[tuple[str, str], list[bool]] = {}
    for case, fault in judged:
        tests.setdefault((case.test, case.kind), []).append(fault)
    failures = sum(fault for _, fault in judged)
    rate = wilson(failures / len(judged), len(judged))
    return CapabilityResult(
        capability=capability,
        n=len(judged),
        failures=failures,
        rate=rate.value,
        interval=Interval(rate.low, rate.high),
        tests=[
            TestResult(name=name, kind=kind, n=len(faults), failures=sum(faults))
            for (name, kind), faults in tests.items()
        ],
        examples=[case.texts for case, fault in judged if fault],
    )
