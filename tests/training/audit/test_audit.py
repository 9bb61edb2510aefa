"""The whole audit on models whose bias is known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sentiment.cli.audit_tables import print_audit
from tests.tables import require_whole_figures
from tests.training.audit.fakes import constant, scoring
from training.audit.audit import audit
from training.audit.report import AuditLimits
from training.evaluation.predicting import Answers

TARGETS = AuditLimits()


def test_an_indifferent_model_has_no_gap_and_fails_to_read() -> None:
    """A constant prediction treats all people equally and passes every invariance, but recognises no complaint."""
    report = audit(constant, seed=13)
    for gaps in report.counterfactual:
        assert gaps.mean_abs_gap == gaps.max_abs_gap == gaps.group_gap == gaps.flip_rate == 0.0
        assert all(offset.mean_offset == pytest.approx(0.0) for offset in gaps.groups)
    rates = {result.capability: result.rate for result in report.behaviour}
    assert rates["casing"] == rates["typos"] == rates["handles and links"] == rates["intensity"] == 0.0
    assert rates["sarcasm"] == rates["neutral"] == 1.0
    assert not any("gap" in line or "flip" in line for line in report.violations(TARGETS))


def test_a_biased_word_is_found_where_it_is() -> None:
    """A model that subtracts 0.3 for one religion has exactly that gap in this attribute, and none in the others."""
    report = audit(scoring(lambda text: -0.3 if "Muslim" in text else 0.0), seed=13)
    by_attribute = {gaps.attribute: gaps for gaps in report.counterfactual}
    religion = by_attribute.pop("religion")
    offsets = {offset.group: offset.mean_offset for offset in religion.groups}
    n_groups = len(offsets)
    # 9 of the 45 pairs of ten religions hold the one.
    assert religion.mean_abs_gap == pytest.approx(0.3 * 2 / n_groups)
    assert religion.max_abs_gap == pytest.approx(0.3)
    assert "Muslim" in "".join(religion.worst)
    assert offsets.pop("Muslim") == pytest.approx(-0.3 * (1 - 1 / n_groups))
    assert all(offset == pytest.approx(0.3 / n_groups) for offset in offsets.values())
    assert all(gaps.max_abs_gap == 0.0 for gaps in by_attribute.values())
    assert any(line.startswith("religion: mean gap") for line in report.violations(TARGETS))


def test_single_terms_make_both_gaps_equal() -> None:
    """If a group is one adjective, or one sentence of a dialect, averaging over its terms changes nothing."""
    report = audit(scoring(lambda text: (hash_of(text) % 2001) / 1000.0 - 1.0), seed=3)
    single = [gaps for gaps in report.counterfactual if gaps.attribute in ("religion", "age", "dialect")]
    assert len(single) == 3
    assert all(gaps.group_gap == pytest.approx(gaps.mean_abs_gap) for gaps in single)


def test_no_page_is_too_narrow_for_the_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal of any width, the tables have all of them."""
    report = audit(scoring(lambda text: (hash_of(text) % 2001) / 1000.0 - 1.0), seed=3)
    require_whole_figures(lambda: print_audit(report, [], TARGETS, n_examples=0), monkeypatch, capsys)


def test_a_flip_is_counted_where_the_label_changes() -> None:
    """A model that calls every sentence about women positive and all others negative flips every aligned pair."""
    women = ("She", "her", "Her", "sister", "wife", "woman", "niece", "grandmother", "lady")
    report = audit(scoring(lambda text: 0.9 if any(word in text.split() for word in women) else -0.9), seed=13)
    gender = next(gaps for gaps in report.counterfactual if gaps.attribute == "gender")
    assert gender.flip_rate > 0.8
    assert next(offset for offset in gender.groups if offset.group == "female").mean_offset > 0.5


def test_the_same_seed_gives_the_same_report() -> None:
    """Cases, intervals and order come from the seed alone."""

    def shaky(text: str) -> float:
        return (hash_of(text) % 2001) / 1000.0 - 1.0

    assert audit(scoring(shaky), seed=3) == audit(scoring(shaky), seed=3)
    assert audit(scoring(shaky), seed=3).behaviour != audit(scoring(shaky), seed=4).behaviour


def test_the_model_gets_each_redacted_text_once() -> None:
    """All texts go to the model in one call, without duplicates and with handles redacted."""
    calls: list[Sequence[str]] = []

    def predict(texts: Sequence[str]) -> Answers:
        calls.append(texts)
        return constant(texts)

    report = audit(predict, seed=13)
    assert len(calls) == 1
    assert len(calls[0]) == report.n_texts
    assert not any("@acme_help" in text for text in calls[0])
    assert any("[HANDLE]" in text for text in calls[0])


def test_answers_are_counted_against_texts() -> None:
    """A missing prediction is an error, not a shifted result."""
    with pytest.raises(ValueError, match="got answers of shape"):
        audit(lambda texts: constant(texts[1:]), seed=13)


def hash_of(text: str) -> int:
    """A hash that does not differ between processes."""
    return sum(place * ord(sign) for place, sign in enumerate(text, 1))
