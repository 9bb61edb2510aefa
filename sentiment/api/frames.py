"""Scoring a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentiment.api.scorer import SentimentModel, load
from sentiment.columns import plan_columns, results_of, transpose
from sentiment.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_STRINGS = frozenset({"label", "model_version"})


def score_dataframe(
    frame: pd.DataFrame, text_column: str = "text", *, model: SentimentModel | None = None
) -> pd.DataFrame:
    """A copy of `frame` with the columns label, score, p_negative, p_neutral, p_positive and model_version.

    These are the columns that `sentiment rescore` adds. Index and row order stay. A column of `frame` that has one of
    these names is kept as `input_NAME`. A row without a text that can be scored (missing, blank, not a string, too
    long) gets None and NaN. `model` is the shipped model by default, which is loaded anew for each call.

    Raises:
        InputError: `frame` has no column `text_column`, or several.
        ModelError: the shipped model cannot be loaded.
    """
    import pandas as pd

    n_named = list(frame.columns).count(text_column)
    if n_named != 1:
        raise InputError(
            f"the frame has {'several columns' if n_named else 'no column'} {text_column!r}",
            hint=f"its columns are: {', '.join(map(str, frame.columns))}",
        )
    results = results_of(frame[text_column].tolist(), lambda texts: (load() if model is None else model).predict(texts))
    added = {
        name: pd.Series(values, index=frame.index, dtype=object if name in _STRINGS else "float64")
        for name, values in transpose(results).items()
    }
    return frame.rename(columns=plan_columns(frame.columns).renamed).assign(**added)
