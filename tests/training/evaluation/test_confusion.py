"""Measures of confusion tables, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support, recall_score

from training.evaluation.confusion import (
    accuracy_of,
    confusion_table,
    f1_of,
    joint_counts,
    macro_f1_of,
    macro_recall_of,
    precision_of,
    recall_of,
    resample_counts,
)
from training.evaluation.metrics import macro_f1

pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40)


@given(pairs)
@settings(deadline=None, max_examples=40)
def test_measures_are_scikit_learns(rows: list[tuple[int, int]]) -> None:
    """Every measure of a table is scikit-learn's of the rows behind it, also where classes are missing."""
    labels, chosen = np.array(rows).T
    table = confusion_table(labels, chosen)
    assert np.array_equal(table, confusion_matrix(labels, chosen, labels=range(3)))
    precision, recall, f1, _ = precision_recall_fscore_support(labels, chosen, labels=range(3), zero_division=0.0)
    assert np.allclose(precision_of(table), precision)
    assert np.allclose(recall_of(table), recall)
    assert np.allclose(f1_of(table), f1)
    assert macro_f1_of(table) == pytest.approx(macro_f1(labels, chosen))
    present = np.unique(labels)
    assert macro_recall_of(table) == pytest.approx(
        recall_score(labels, chosen, labels=present, average="macro", zero_division=0.0)
    )
    assert accuracy_of(table) == pytest.approx(accuracy_score(labels, chosen))


def test_many_tables_are_measured_at_once() -> None:
    """A stack of tables gives what each of them gives alone."""
    tables = np.random.default_rng(1).integers(0, 9, size=(4, 3, 3))
    for measure in (precision_of, recall_of, f1_of, macro_f1_of, macro_recall_of, accuracy_of):
        assert np.allclose(measure(tables), [measure(table) for table in tables])


def test_a_multinomial_draw_of_counts_is_a_draw_of_rows() -> None:
    """Mean and covariance of resampled counts are those of counting resampled rows."""
    draw = np.random.default_rng(2)
    rows = draw.choice(3, size=60, p=[0.2, 0.3, 0.5])
    other = draw.choice(3, size=60)
    counts = joint_counts(rows, other)
    fast = resample_counts(counts, n_resamples=20_000, seed=3).reshape(20_000, -1)
    picked = draw.integers(0, 60, size=(20_000, 60))
    slow = np.array([np.bincount(3 * rows[p] + other[p], minlength=9) for p in picked])
    assert (fast.sum(axis=1) == 60).all()
    assert np.allclose(fast.mean(axis=0), slow.mean(axis=0), atol=0.12)
    assert np.allclose(np.cov(fast.T), np.cov(slow.T), atol=0.35)


def test_a_value_that_is_no_class_is_refused() -> None:
    """A label of 3 cannot be counted silently into another cell."""
    with pytest.raises(ValueError, match="invalid entry"):
        confusion_table(np.array([3]), np.array([0]))
