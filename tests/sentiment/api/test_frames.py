"""Scoring a DataFrame: nothing of it is lost, and every row has its own result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.api.frames import score_dataframe
from sentiment.api.scorer import SentimentModel
from sentiment.columns import RESULT_COLUMNS
from sentiment.errors import InputError
from tests.consumers.rescore.support import rescore
from tests.fakes import LexiconClassifier


@pytest.fixture
def model() -> SentimentModel:
    return SentimentModel(LexiconClassifier())


def test_index_and_columns_stay(model: SentimentModel) -> None:
    """Repeated and unsorted index values, types and categories are kept; the given frame is not changed."""
    frame = pd.DataFrame(
        {
            "body": ["great", "awful", "so so"],
            "at": pd.to_datetime(["2026-03-01"] * 3),
            "kind": pd.Categorical(["a", "b", "a"]),
        },
        index=pd.Index([7, 7, 1], name="row"),
    )
    before = frame.copy()
    scored = score_dataframe(frame, "body", model=model)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(scored[["body", "at", "kind"]], before)
    assert list(scored.columns) == ["body", "at", "kind", *RESULT_COLUMNS]
    assert list(scored["label"]) == ["positive", "negative", "neutral"]
    assert np.allclose(scored["p_positive"] - scored["p_negative"], scored["score"])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", "  ", 5, "x" * 40_000])
def test_a_row_without_a_text_gets_a_missing_result(model: SentimentModel, missing: object) -> None:
    """Whatever stands for nothing, the row stays and the others are scored."""
    scored = score_dataframe(pd.DataFrame({"text": ["great", missing, "awful"]}, dtype=object), model=model)
    assert list(scored["label"]) == ["positive", None, "negative"]
    assert list(scored["score"].isna()) == [False, True, False]
    assert list(scored["model_version"]) == ["1", None, "1"]


def test_an_empty_frame_has_the_same_columns(model: SentimentModel) -> None:
    """No rows, the same names and types."""
    frame = pd.DataFrame({"text": ["great"]})
    empty, full = score_dataframe(frame.head(0), model=model), score_dataframe(frame, model=model)
    assert len(empty) == 0
    assert list(empty.dtypes) == list(full.dtypes)
    assert list(empty.columns) == list(full.columns)


def test_the_columns_are_those_of_rescore(model: SentimentModel, tmp_path: Path) -> None:
    """Names, order, renamed columns and values are the same as in the file that `sentiment rescore` writes."""
    frame = pd.DataFrame({"score": [1, 2, 3], "text": ["great", None, "awful"], "input_score": [0, 0, 0]})
    frame.to_parquet(tmp_path / "x.parquet", index=False)
    rescore(tmp_path / "x.parquet", tmp_path / "y.parquet")
    expected, scored = pd.read_parquet(tmp_path / "y.parquet"), score_dataframe(frame, model=model)
    assert list(scored.columns) == list(expected.columns)
    assert scored.to_json(orient="values") == expected.to_json(orient="values")


@pytest.mark.parametrize(("columns", "said"), [(["body"], "no column 'text'"), (["text", "text"], "several columns")])
def test_the_text_column_must_be_one(model: SentimentModel, columns: list[str], said: str) -> None:
    """None and several are refused, and the hint names what there is."""
    with pytest.raises(InputError, match=said) as refused:
        score_dataframe(pd.DataFrame([["great"] * len(columns)], columns=columns), model=model)
    assert refused.value.hint == f"its columns are: {', '.join(columns)}"
