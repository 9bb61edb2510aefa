"""The rows of a data set as a table: of a file, read as every command reads it, or of the Hugging Face hub.

A hub data set is written ``hub:OWNER/NAME`` or ``hub:OWNER/NAME:SPLIT``. The split is `train` by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment.errors import InputError, UsageError
from sentiment.sources import FileFormat, ReadingOptions, detect_format, find_input, open_rows
from sentiment.sources.columns import SeenColumns
from sentiment.sources.headers import find_column
from sentiment.sources.names import listed as column_list
from sentiment.sources.options import DEFAULT_READING
from sentiment.sources.whole import whole_rows

HUB_PREFIX = "hub:"
_DEFAULT_SPLIT = "train"
_SHOWN_ROWS = 5


def read_rows(source: str | Path, columns: tuple[str, ...], reading: ReadingOptions = DEFAULT_READING) -> pd.DataFrame:
    """All rows of a file or hub data set that has at least `columns`.

    The values of a CSV file are strings, and those of JSON and Parquet have their types; None is a missing one.

    Raises:
        InputError: it cannot be read, a row cannot, it lacks a column, or has no rows.
    """
    frame = _from_hub(str(source)) if str(source).startswith(HUB_PREFIX) else _from_file(Path(source), reading)
    names = [str(name) for name in frame.columns]
    for column in columns:
        found = find_column(column, names, str(source))
        if found is None:
            raise InputError(f"{source} has no column {column!r}", hint=f"its columns: {column_list(names)}")
        if found != column:
            frame[column] = frame[found]
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


def format_of(path: Path, reading: ReadingOptions = DEFAULT_READING) -> FileFormat:
    """The format that the name of the file `path` tells.

    Raises:
        InputError: there is no such file, it is a directory, or its name does not tell.
    """
    try:
        return detect_format(find_input(str(path), reading))
    except InputError:
        raise
    except UsageError:
        raise InputError(
            f"the format of {path} is unknown",
            hint="names end with .csv, .jsonl or .parquet, or with .gz and the like after it",
        ) from None


def _from_file(path: Path, reading: ReadingOptions) -> pd.DataFrame:
    given = find_input(str(path), reading)
    values: dict[str, list[Any]] = {}
    n_rows, seen = 0, SeenColumns(given.name)
    with open_rows(given, format_of(path, reading)) as opened:
        for name in opened.columns or ():
            values[name] = []
        for row in whole_rows(opened.rows, given.name, hint="mend or remove the row"):
            seen.add(row)
            for name, value in row.values.items():
                column = values.setdefault(name, [])
                column.extend([None] * (n_rows - len(column)))
                column.append(value)
            n_rows += 1
    for column in values.values():
        column.extend([None] * (n_rows - len(column)))
    return pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in values.items()})


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
