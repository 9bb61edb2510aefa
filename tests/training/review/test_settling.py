"""From votes to labels: agreement, adjudication, suspected labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from sentiment.errors import InputError
from sentiment.events import LABELS
from tests.consumers.results import START, scored
from training.review.adjudication import adjudicate, measure_agreement
from training.review.agreement import cohen_kappa, fleiss_kappa
from training.review.importing import Review
from training.review.label_errors import confident_joint, suspects
from training.review.sheets import FilledSheet, Item

labels = st.sampled_from(LABELS)


@given(st.lists(st.tuples(labels, labels), min_size=2, max_size=60))
def test_cohens_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    """None if scikit-learn has no number."""
    first, second = zip(*pairs, strict=True)
    expected = cohen_kappa_score(first, second) if len({*first, *second}) > 1 else np.nan
    ours = cohen_kappa(first, second)
    assert (ours is None) == bool(np.isnan(expected))
    assert ours is None or ours == pytest.approx(expected, abs=1e-9)


def test_fleiss_kappa_is_that_of_the_paper() -> None:
    """The worked example of ten subjects and fourteen raters: 0.21."""
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(table) == pytest.approx(0.210, abs=5e-4)
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa([[1, 2], [1, 1]])


def sheet(name: str, said: dict[str, str], **finals: str) -> FilledSheet:
    """The sheet of an annotator."""
    return FilledSheet(name, said, finals)  # type: ignore[arg-type]


def test_a_majority_settles_and_ties_stay_open_until_somebody_decides() -> None:
    """`final` beats all votes; skipping is not a vote; two different finals are an error."""
    sheets = [
        sheet("a", {"1": "negative", "2": "positive", "3": "neutral", "4": "skip", "5": "negative"}),
        sheet("b", {"1": "negative", "2": "neutral", "3": "positive", "4": "skip"}),
        sheet("c", {"1": "negative", "2": "positive"}),
    ]
    found = adjudicate(sheets)
    assert {item: (v.label, v.how) for item, v in found.settled.items()} == {
        "1": ("negative", "unanimous"), "2": ("positive", "majority"), "5": ("negative", "single"),
    }  # fmt: skip
    assert found.unsettled == {"3": {"neutral": 1, "positive": 1}}
    assert (found.disagreements, found.skipped) == (["2", "3"], ["4"])
    settled = adjudicate([*sheets, sheet("d", {}, **{"3": "neutral"})])
    assert settled.settled["3"].how == "final"
    assert settled.unsettled == {}
    left_out = adjudicate([*sheets, sheet("d", {}, **{"3": "skip"})])
    assert left_out.skipped == ["3", "4"]
    assert left_out.unsettled == {}
    with pytest.raises(InputError, match="different final"):
        adjudicate([sheet("a", {}, x="neutral"), sheet("b", {}, x="positive")])
    with pytest.raises(InputError, match="several sheets"):
        adjudicate([sheets[0], sheets[0]])
    agreement = measure_agreement(sheets)
    assert [(pair.first, pair.second, pair.n) for pair in agreement.pairs] == [
        ("a", "b", 3),
        ("a", "c", 2),
        ("b", "c", 2),
    ]
    assert agreement.fleiss_n == 2


def test_planted_label_errors_are_found() -> None:
    """Of 60 wrong labels among 1,200 most are suspected, few right ones are, and the counts are about right."""
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, 1_200)
    logits = rng.normal(0, 1, (1_200, 3))
    logits[np.arange(1_200), truth] += 4
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given_labels = truth.copy()
    planted = rng.choice(1_200, 60, replace=False)
    given_labels[planted] = (truth[planted] + rng.integers(1, 3, 60)) % 3
    found = suspects(given_labels, probabilities)
    hits = len(set(found.tolist()) & set(planted.tolist()))
    assert hits >= 50
    assert len(found) <= 75
    joint = confident_joint(given_labels, probabilities)
    assert joint.sum(axis=1) == pytest.approx(np.bincount(given_labels))
    assert joint.sum() - np.trace(joint) == pytest.approx(60, abs=20)
    assert len(suspects(truth[:3], np.eye(3)[truth[:3]])) == 0


def test_late_labels_carry_event_and_chance() -> None:
    """Only items that belong to an event become late labels."""
    known = scored(5, START, "negative")
    with_event = Item(
        item="t1", text="x", product="a", probabilities=(1, 0, 0), model_version="1", part="random",
        inclusion_probability=0.25, event_id="e5", position=known.position,
    )  # fmt: skip
    without = Item(item="t2", text="y", product="a", probabilities=(1, 0, 0), model_version="1", part="random")
    found = Review.of({"t1": with_event, "t2": without}, [sheet("a", {"t1": "neutral", "t2": "neutral"})])
    [label] = found.late_labels(START)
    assert (label.event_id, label.inclusion_probability, label.label) == ("e5", 0.25, "neutral")
    assert len(found.rows("review")) == 2
