"""Quality by group against scikit-learn, and the minimum n."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from sentiment.errors import InputError
from training.audit.groups import compare_groups, read_grouped


def test_measures_agree_with_scikit_learn() -> None:
    """Macro-F1 and macro-recall of a group and their gaps to all other rows are scikit-learn's."""
    draw = np.random.default_rng(2)
    labels = draw.integers(0, 3, 600)
    groups = draw.choice(["a", "b", "c"], size=600, p=[0.5, 0.3, 0.2])
    # The group c gets more wrong answers.
    wrong = draw.random(600) < np.where(groups == "c", 0.6, 0.2)
    chosen = np.where(wrong, draw.integers(0, 3, 600), labels)
    found = compare_groups(labels, chosen, list(groups), seed=1)
    assert [group.group for group in found] == ["a", "b", "c"]
    for group in found:
        inside = groups == group.group
        assert group.n == inside.sum()
        for measured, of in ((group.macro_f1, f1_score), (group.macro_recall, recall_score)):
            assert measured is not None
            own, others = (of(labels[rows], chosen[rows], average="macro") for rows in (inside, ~inside))
            assert measured.value == pytest.approx(own)
            assert measured.gap == pytest.approx(own - others)
            assert measured.interval.low <= measured.gap <= measured.interval.high
    worst = found[-1].macro_f1
    assert worst is not None
    assert worst.interval.high < 0.0


def test_small_groups_are_counted_and_not_measured() -> None:
    """Below the minimum on either side there is no figure."""
    labels = np.zeros(100, dtype=np.int64)
    found = compare_groups(labels, labels, ["many"] * 90 + ["few"] * 10, seed=1, min_n=11)
    assert [(group.group, group.n, group.macro_f1, group.macro_recall) for group in found] == [
        ("many", 90, None, None),
        ("few", 10, None, None),
    ]


def test_the_column_is_read_beside_the_examples(tmp_path: Path) -> None:
    """Rows keep their groups, missing values form a group, and a missing column is an error."""
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "fine", "label": "positive", "country": "CH"}\n{"text": "bad", "label": "negative"}\n')
    examples, groups = read_grouped(file, "country")
    assert [example.text for example in examples] == ["fine", "bad"]
    assert groups == ["CH", ""]
    with pytest.raises(InputError, match="no column 'planet'"):
        read_grouped(file, "planet")
