"""The checks of the gate, each on predictions made for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers

from sentiment.events import ModelRef
from sentiment.model.classifier import BatchInfo, Prediction
from sentiment.statistics import Interval
from training.audit.behaviour import CapabilityResult
from training.audit.gaps import AttributeGaps
from training.audit.report import AuditReport
from training.evaluation.predicting import Answers
from training.promotion.fairness import audit_check
from training.promotion.latency import N_TEXTS, ROUNDS, latency_checks
from training.promotion.placeholders import PLACEHOLDERS, placeholder_checks, unknown_placeholders
from training.promotion.quality import calibration_check, quality_checks
from training.promotion.records import GateLimits

LIMITS = GateLimits()
NOWHERE = Interval(0.0, 0.0)


def answers(chosen: NDArray[np.int64], confidence: float = 0.8) -> NDArray[np.float64]:
    """(n, 3) probabilities with `confidence` in the class that is chosen."""
    rest = (1.0 - confidence) / 2.0
    return np.full((len(chosen), 3), rest) + np.eye(3)[chosen] * (confidence - rest)


def served(chosen: NDArray[np.int64]) -> Answers:
    return Answers.most_likely(answers(chosen))


def mistaken(labels: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """The labels, of which about `share` are wrong."""
    draw = np.random.default_rng(seed)
    wrong = draw.random(len(labels)) < share
    return np.where(wrong, (labels + 1) % 3, labels)


@pytest.mark.parametrize(("share", "passes"), [(0.2, True), (0.1, True), (0.3, False)])
def test_a_candidate_must_surely_be_no_worse(share: float, passes: bool) -> None:
    """On 3,000 rows a twin of a model with 20 % mistakes and a better one pass, one with 30 % does not."""
    labels = np.random.default_rng(0).integers(0, 3, 3_000)
    old = mistaken(labels, 0.2, seed=1)
    new = old if share == 0.2 else mistaken(labels, share, seed=2)
    floor, against = quality_checks(served(new), served(old), labels, LIMITS, seed=3)
    assert floor.passed
    assert against.passed is passes


def test_few_rows_prove_nothing() -> None:
    """On 60 rows a model that is as good, but makes other mistakes, is not significantly as good: it does not pass."""
    labels = np.random.default_rng(0).integers(0, 3, 60)
    one, other = mistaken(labels, 0.2, seed=1), mistaken(labels, 0.2, seed=2)
    checks = list(quality_checks(served(one), served(other), labels, LIMITS, seed=3))
    assert [check.passed for check in checks] == [True, False]


def test_a_first_candidate_is_held_against_the_floor_only() -> None:
    """Without a current version there is one check of quality, and it can fail."""
    labels = np.random.default_rng(0).integers(0, 3, 300)
    (good,) = quality_checks(served(mistaken(labels, 0.2, seed=1)), None, labels, LIMITS, seed=3)
    (bad,) = quality_checks(served(mistaken(labels, 0.6, seed=1)), None, labels, LIMITS, seed=3)
    assert (good.passed, bad.passed) == (True, False)


@pytest.mark.parametrize("n", [200, 5_000])
@pytest.mark.parametrize(("confidence", "passes"), [(0.8, True), (0.95, False)])
def test_confidence_must_be_honest(n: int, confidence: float, passes: bool) -> None:
    """80 % right at 80 % confidence passes on few rows and on many; 95 % confidence does not."""
    labels = np.random.default_rng(0).integers(0, 3, n)
    check = calibration_check(answers(mistaken(labels, 0.2, seed=1), confidence), labels, LIMITS, seed=2)
    assert check.passed is passes


@dataclass
class Ticking:
    """A classifier that takes a known time on a clock of its own, and more when the machine is disturbed."""

    clock: list[float]
    seconds: float
    order: list[str] = field(default_factory=list)
    name: str = "ticking"
    model: ModelRef = field(default_factory=lambda: ModelRef(name="ticking", version="1"))
    backend: str = "fake"

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        self.order.append(self.name)
        disturbed = len(self.order) % 3 == 0
        self.clock[0] += self.seconds * len(texts) * (20 if disturbed else 1)
        return [], BatchInfo(1, 1, 0.0, 0.0)


@pytest.mark.parametrize(("seconds", "expected"), [(0.010, [True, True]), (0.020, [True, False]), (0.2, [False] * 2)])
def test_latency_is_compared_side_by_side(seconds: float, expected: list[bool]) -> None:
    """A disturbed machine changes neither the median nor the ratio; twice as slow fails, and so does too slow."""
    clock, order = [0.0], list[str]()
    contenders = [Ticking(clock, seconds, order, "new"), Ticking(clock, 0.010, order, "old")]
    texts = [f"text {number}" for number in range(N_TEXTS)]
    checks = list(latency_checks(*contenders, texts, LIMITS, clock=lambda: clock[0]))
    assert [check.passed for check in checks] == expected
    assert checks[1].figures["ratio"] == pytest.approx(seconds / 0.010)
    timed = order[-2 * ROUNDS * N_TEXTS :]
    assert timed[:4] == ["new", "old", "old", "new"]


def tokenizer_with(directory: Path, words: Sequence[str]) -> Path:
    """A directory with a tokenizer of whole words."""
    vocabulary = {word: index for index, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(directory / "tokenizer.json"))
    return directory


SPELLED = ("http", "email", "phone", "iban", "card", "id", "ip", "@user", "person", "address")


def test_a_placeholder_without_a_token_is_named(tmp_path: Path) -> None:
    """The placeholders are looked up as they are spelled after normalisation."""
    assert unknown_placeholders(tokenizer_with(tmp_path, SPELLED)) == ()
    assert unknown_placeholders(tokenizer_with(tmp_path, [*SPELLED[:1], *SPELLED[2:7], *SPELLED[8:]])) == (
        "[EMAIL]",
        "[HANDLE]",
    )


def test_a_placeholder_that_moves_labels_fails(tmp_path: Path) -> None:
    """A model that takes every phone number for a complaint fails, and the check says so; one that does not passes."""
    directory = tokenizer_with(tmp_path, SPELLED)

    def steady(texts: Sequence[str]) -> Answers:
        return served(np.full(len(texts), 2))

    def nervous(texts: Sequence[str]) -> Answers:
        return served(np.array([0 if "[PHONE]" in text else 2 for text in texts]))

    assert [check.passed for check in placeholder_checks(directory, steady, LIMITS)] == [True, True]
    known, moves = placeholder_checks(directory, nervous, LIMITS)
    assert (known.passed, moves.passed) == (True, False)
    assert moves.figures["rate"] == pytest.approx(1 / len(PLACEHOLDERS))
    assert moves.details == ("[PHONE] moves 24 of 24 labels",)


def audited(gap: float, failures: int) -> AuditReport:
    """An audit of one attribute with this mean gap, and of one capability with so many failures in 100 cases."""
    gaps = AttributeGaps(
        attribute="gender",
        n_pairs=100,
        n_scenes=50,
        mean_abs_gap=gap,
        interval=NOWHERE,
        max_abs_gap=gap,
        group_gap=gap,
        flip_rate=0.0,
        flip_interval=NOWHERE,
        worst=("", ""),
        groups=[],
    )
    negation = CapabilityResult(
        capability="negation", n=100, failures=failures, rate=failures / 100, interval=NOWHERE, tests=[], examples=[]
    )
    return AuditReport(seed=0, n_texts=300, counterfactual=[gaps], behaviour=[negation])


@pytest.mark.parametrize(
    ("gap", "failures", "absolute", "relative"),
    [
        (0.01, 3, True, True),
        (0.05, 20, False, True),  # as bad as the current version
        (0.03, 12, False, True),  # better than it, and not good
        (0.08, 20, False, False),
        (0.05, 30, False, False),
    ],
)
def test_relative_limits_excuse_what_is_no_worse(gap: float, failures: int, absolute: bool, relative: bool) -> None:
    """Absolute limits have no exceptions; relative ones excuse a limit that the current version exceeds as well."""
    new, old = audited(gap, failures), audited(0.05, 20)
    assert audit_check(new, old, LIMITS).passed is absolute
    lenient = msgspec.structs.replace(LIMITS, audit="relative")
    assert audit_check(new, old, lenient).passed is relative
    assert audit_check(new, None, lenient).passed is absolute


def test_each_measure_is_excused_by_itself() -> None:
    """Sharper answers widen a gap and flip no more labels: the gap is reported, and the flips stay excused."""
    old = audited(0.05, 20)
    flipping = msgspec.structs.replace(old.counterfactual[0], flip_rate=0.1)
    old = msgspec.structs.replace(old, counterfactual=[flipping])
    wider = msgspec.structs.replace(flipping, mean_abs_gap=0.09)
    check = audit_check(
        msgspec.structs.replace(old, counterfactual=[wider]), old, msgspec.structs.replace(LIMITS, audit="relative")
    )
    assert check.details == ("gender: mean gap 0.0900 is above 0.02",)
