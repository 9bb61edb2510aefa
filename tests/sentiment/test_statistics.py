"""Intervals, corrections and measures against scipy, scikit-learn and resampling of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    recall_score,
)

from sentiment.statistics import (
    Estimate,
    Interval,
    accuracy_of,
    bootstrap_interval,
    confusion_table,
    f1_of,
    holm,
    joint_counts,
    macro_f1,
    macro_f1_of,
    macro_recall_of,
    percentile_interval,
    precision_of,
    recall_of,
    resample_counts,
    wilson,
)

counts_of_trials = st.tuples(st.integers(0, 400), st.integers(0, 400)).filter(any)
p_values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20)
rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40)


@given(counts_of_trials)
@settings(deadline=None)
def test_wilsons_interval_is_scipys(counts: tuple[int, int]) -> None:
    """For whole numbers of trials it is scipy's interval without continuity correction."""
    hits, n = counts[0], sum(counts)
    expected = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    found = wilson(hits / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(counts_of_trials, st.floats(1.0, 10.0))
def test_wilsons_interval_holds_the_share_and_widens_with_a_smaller_sample(
    counts: tuple[int, int], design_effect: float
) -> None:
    """It stays within [0, 1], contains the share exactly, and is never narrower for a smaller effective sample."""
    share, n = counts[0] / sum(counts), sum(counts)
    narrow, wide = wilson(share, n), wilson(share, n / design_effect)
    assert 0.0 <= narrow.low <= share <= narrow.high <= 1.0
    assert wide.high - wide.low >= narrow.high - narrow.low - 1e-12


def test_holm_gives_the_textbook_values() -> None:
    """The smallest is multiplied by their number, the next by one less, and none falls below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(p_values)
def test_holm_is_the_running_maximum_of_its_definition(values: list[float]) -> None:
    """Each is the largest, over all values not above its own, of value × (how many are not yet rejected)."""
    ordered = sorted(values)
    expected = [
        max(min(1.0, (len(values) - rank) * other) for rank, other in enumerate(ordered) if other <= value)
        for value in values
    ]
    assert holm(values) == pytest.approx(expected)


@given(p_values)
def test_holm_lies_between_benjamini_hochberg_and_bonferroni(values: list[float]) -> None:
    """It is stricter than control of the false discovery rate (scipy's), and never stricter than Bonferroni."""
    adjusted = np.array(holm(values))
    assert np.all(adjusted <= np.minimum(1.0, len(values) * np.array(values)) + 1e-12)
    assert np.all(adjusted >= stats.false_discovery_control(values) - 1e-12)


@given(rows)
@settings(deadline=None, max_examples=40)
def test_measures_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    """Every measure of a table is scikit-learn's of the rows behind it, also if classes are missing."""
    labels, predictions = np.array(pairs).T
    table = confusion_table(labels, predictions)
    assert np.array_equal(table, confusion_matrix(labels, predictions, labels=range(3)))
    precision, recall, f1, _ = precision_recall_fscore_support(labels, predictions, labels=range(3), zero_division=0.0)
    assert np.allclose(precision_of(table), precision)
    assert np.allclose(recall_of(table), recall)
    assert np.allclose(f1_of(table), f1)
    assert macro_f1(labels, predictions) == pytest.approx(
        f1_score(labels, predictions, average="macro", zero_division=0.0)
    )
    present = np.unique(labels)
    assert macro_recall_of(table) == pytest.approx(
        recall_score(labels, predictions, labels=present, average="macro", zero_division=0.0)
    )
    assert accuracy_of(table) == pytest.approx(accuracy_score(labels, predictions))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0.1, 9.0)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=40)
def test_macro_f1_of_weights_is_scikit_learns(pairs: list[tuple[int, int, float]]) -> None:
    """A table of sampling weights gives scikit-learn's macro-F1 with `sample_weight`."""
    table = np.zeros((3, 3))
    for label, prediction, weight in pairs:
        table[label, prediction] += weight
    labels, predictions, weights = zip(*pairs, strict=True)
    expected = f1_score(labels, predictions, average="macro", sample_weight=weights, zero_division=0.0)
    assert macro_f1_of(table) == pytest.approx(expected)


def test_many_tables_are_measured_at_once() -> None:
    """A stack of tables gives what each of them gives alone."""
    tables = np.random.default_rng(1).integers(0, 9, size=(4, 3, 3))
    for measure in (precision_of, recall_of, f1_of, macro_f1_of, macro_recall_of, accuracy_of):
        assert np.allclose(measure(tables), [measure(table) for table in tables])


def test_a_value_that_is_no_class_is_refused() -> None:
    """A label of 3 must not be counted silently in another cell."""
    with pytest.raises(ValueError, match="invalid entry"):
        confusion_table(np.array([3]), np.array([0]))


def test_a_multinomial_draw_of_counts_is_a_draw_of_rows() -> None:
    """Mean and covariance of resampled counts are those of counting resampled rows."""
    draw = np.random.default_rng(2)
    first = draw.choice(3, size=60, p=[0.2, 0.3, 0.5])
    second = draw.choice(3, size=60)
    fast = resample_counts(joint_counts(first, second), n_resamples=20_000, seed=3).reshape(20_000, -1)
    picked = draw.integers(0, 60, size=(20_000, 60))
    slow = np.array([np.bincount(3 * first[p] + second[p], minlength=9) for p in picked])
    assert (fast.sum(axis=1) == 60).all()
    assert np.allclose(fast.mean(axis=0), slow.mean(axis=0), atol=0.12)
    assert np.allclose(np.cov(fast.T), np.cov(slow.T), atol=0.35)


def test_a_bootstrap_interval_of_a_mean_is_scipys() -> None:
    """For the mean of a skewed sample the ends are those of scipy's percentile bootstrap, up to chance."""
    sample = np.random.default_rng(3).exponential(size=300)
    ours = bootstrap_interval(lambda rows: float(sample[rows].mean()), len(sample), seed=5, n_resamples=4000)
    theirs = stats.bootstrap(
        (sample,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(5)
    ).confidence_interval
    spread = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * spread)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * spread)


def test_a_bootstrap_interval_repeats_with_its_seed_and_widens_with_its_level() -> None:
    """The same seed gives the same ends; a higher level contains a lower one."""
    sample = np.random.default_rng(3).normal(size=100)

    def interval(level: float) -> Interval:
        return bootstrap_interval(lambda rows: float(sample[rows].mean()), 100, seed=5, n_resamples=300, level=level)

    assert interval(0.5) == interval(0.5)
    assert interval(0.99).low < interval(0.5).low < interval(0.5).high < interval(0.99).high


def test_a_bootstrap_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Over many samples of a known mean, an interval of 80 % holds it in about 80 % of the cases."""
    draw = np.random.default_rng(11)
    held = 0
    for seed in range(200):
        sample = draw.normal(size=60)
        found = bootstrap_interval(
            lambda rows, sample=sample: float(sample[rows].mean()), 60, seed=seed, n_resamples=200, level=0.8
        )
        held += found.low <= 0.0 <= found.high
    assert 0.7 < held / 200 < 0.88


def test_what_cannot_be_resampled_is_refused() -> None:
    """No rows, or a level that is not a share, is an error and not an empty interval."""
    with pytest.raises(ValueError, match="no rows"):
        bootstrap_interval(lambda _: 0.0, 0, seed=1)
    with pytest.raises(ValueError, match="no rows"):
        resample_counts(np.zeros((3, 3), dtype=np.int64), n_resamples=9, seed=1)
    with pytest.raises(ValueError, match="level"):
        percentile_interval(np.zeros(3), 1.0)


def test_an_interval_with_its_value_is_an_estimate() -> None:
    """The ends stay as they are, also if they do not contain the value."""
    assert Interval(0.1, 0.3).of(0.4) == Estimate(value=0.4, low=0.1, high=0.3)
