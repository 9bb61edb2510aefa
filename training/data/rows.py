"""The rows of a data set as a table: a CSV, JSONL or Parquet file (also `.gz`), or a data set of the Hugging Face hub.

A hub data set is written ``hub:OWNER/NAME`` or ``hub:OWNER/NAME:SPLIT``. The split is `train` by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment.errors import InputError

HUB_PREFIX = "hub:"
_DEFAULT_SPLIT = "train"
_SHOWN_COLUMNS = 20
_SHOWN_ROWS = 5


def read_rows(source: str | Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """All rows of a file or hub data set that has at least `columns`.

    Raises:
        InputError: it cannot be read, lacks a column, or has no rows.
    """
    frame = _from_hub(str(source)) if str(source).startswith(HUB_PREFIX) else _from_file(Path(source))
    for column in columns:
        if column not in frame.columns:
            there = ", ".join(map(str, frame.columns[:_SHOWN_COLUMNS]))
            raise InputError(f"{source} has no column {column!r}", hint=f"its columns: {there}")
    if frame.empty:
        raise InputError(f"{source} has no rows")
    return frame


def refuse_rows(source: str | Path, fault: str, bad: pd.Series, *, hint: str | None = None) -> None:
    """Raise ``InputError`` if `bad` is true for any row: with row numbers, never with texts."""
    rows = bad.to_numpy().nonzero()[0].tolist()
    if rows:
        raise InputError(f"{source}: {len(rows)} rows with {fault} ({listed(rows)})", hint=hint)


def listed(rows: Sequence[int]) -> str:
    """Row numbers for a message, the first few of them. `rows` count from 0, people from 1: the first row of data."""
    shown = ", ".join(str(row + 1) for row in rows[:_SHOWN_ROWS])
    return f"rows {shown}" + (", …" if len(rows) > _SHOWN_ROWS else "")


def sample_rows(n: int, max_rows: int | None, seed: int) -> Sequence[int]:
    """The indices of `max_rows` of `n` rows, drawn without replacement and in order; all if there are no more."""
    if max_rows is None or max_rows >= n:
        return range(n)
    drawn: list[int] = sorted(np.random.default_rng(seed).choice(n, size=max_rows, replace=False).tolist())
    return drawn


def _from_file(path: Path) -> pd.DataFrame:
    name = path.name.removesuffix(".gz")
    try:
        if name.endswith(".csv"):
            return pd.read_csv(path, keep_default_na=False, dtype=str)
        if name.endswith((".jsonl", ".ndjson")):
            return pd.read_json(path, lines=True, dtype=False)
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or 'not a readable file'}") from None
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is damaged, or its format is not that of its name ({type(error).__name__})") from None
    raise InputError(
        f"the format of {path} is unknown", hint="names end with .csv, .jsonl or .parquet, optionally followed by .gz"
    )


def _from_hub(source: str) -> pd.DataFrame:
    import datasets

    name, _, split = source.removeprefix(HUB_PREFIX).partition(":")
    datasets.disable_progress_bars()
    try:
        loaded = datasets.load_dataset(name, split=split or _DEFAULT_SPLIT)
    except (OSError, ValueError) as error:  # datasets derives its own errors from these
        raise InputError(
            f"the data set {name!r} ({split or _DEFAULT_SPLIT}) cannot be loaded from the hub ({type(error).__name__})",
            hint="check the name, the split and the network, or give a CSV, JSONL or Parquet file",
        ) from None
    return _with_label_names(loaded)


def _with_label_names(loaded: Any) -> pd.DataFrame:
    """Replace class numbers by their names, which the hub keeps in the schema."""
    frame: pd.DataFrame = loaded.to_pandas()
    feature = loaded.features.get("label")
    if feature is not None and hasattr(feature, "int2str") and "label" in frame.columns:
        known = range(feature.num_classes)
        frame["label"] = [feature.int2str(int(label)) if label in known else None for label in frame["label"]]
    return frame
