"""What an evaluation warns of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score

from training.evaluation.doubts import doubts


@pytest.mark.parametrize(
    ("confusion", "expected"),
    [
        ([[5, 1, 0], [1, 5, 0], [0, 1, 5]], []),
        ([[5, 0, 1], [3, 0, 1], [0, 0, 5]], ["no text is answered neutral, and 4 of 15 rows are labelled so"]),
        ([[5, 0, 1], [0, 0, 0], [0, 0, 5]], []),  # no row is neutral
        ([[0, 3, 3], [3, 0, 2], [2, 3, 0]], ["macro-F1 0.0000 is no better than the 0.1818 of answering negative"]),
    ],
)
def test_what_is_doubtful_is_said(confusion: list[list[int]], expected: list[str]) -> None:
    """A label that rows have and that is never given; and answers no better than one label for everything."""
    found = list(doubts(np.array(confusion)))
    assert len(found) == len(expected)
    assert all(doubt.startswith(start) for doubt, start in zip(found, expected, strict=True))


@given(st.lists(st.integers(0, 2), min_size=2).filter(lambda labels: len(set(labels)) > 1))
def test_the_majority_is_never_good_enough(labels: list[int]) -> None:
    """Answers of the most frequent label reach the figure of scikit-learn's dummy, and are doubted."""
    rows = np.array(labels)
    always = DummyClassifier(strategy="most_frequent").fit(rows[:, None], rows).predict(rows[:, None])
    confusion = np.zeros((3, 3), dtype=np.int64)
    np.add.at(confusion, (rows, always), 1)
    figure = f1_score(rows, always, average="macro")
    assert any(f"macro-F1 {figure:.4f} is no better than the {figure:.4f} of" in doubt for doubt in doubts(confusion))
