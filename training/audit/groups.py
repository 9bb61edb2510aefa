"""Labelled rows with a group column: is the model as good for one group as for the others?

A gap may come from the model or from the rows: groups differ in what they write about and in how hard that is to label.
Counterfactual pairs keep the text fixed and avoid this weakness, but consist of made-up sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentiment.statistics import (
    DEFAULT_RESAMPLES,
    Interval,
    confusion_table,
    macro_f1_of,
    macro_recall_of,
    percentile_interval,
    resample_counts,
)
from training.data.examples import USUAL_LAYOUT, Example, RowLayout, read_examples
from training.data.rows import read_rows

DEFAULT_MIN_N = 30

_Measure = Callable[[NDArray[np.int64]], NDArray[np.float64]]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of one group's rows. `gap`: how much higher it is than for all other rows, with its 95 % `interval`."""

    value: float
    gap: float
    interval: Interval


class GroupQuality(msgspec.Struct, frozen=True, kw_only=True):
    """How well the `n` rows of `group` are classified. None: the group, or all others, have too few rows."""

    group: str
    n: int
    macro_f1: Compared | None
    macro_recall: Compared | None


def read_grouped(path: Path, field: str, layout: RowLayout = USUAL_LAYOUT) -> tuple[list[Example], list[str]]:
    """Labelled examples, and the value of column `field` for each ("" if it is missing).

    Raises ``InputError`` like ``read_examples``, and if there is no such column.
    """
    column = read_rows(path, (layout.text, layout.label, field), layout.reading)[field]
    return read_examples(path, layout), column.where(column.notna(), "").astype(str).tolist()


def compare_groups(
    labels: NDArray[np.int64],
    chosen: NDArray[np.int64],
    groups: Sequence[str],
    *,
    seed: int,
    min_n: int = DEFAULT_MIN_N,
) -> list[GroupQuality]:
    """Every group in `groups` (n,) against all other rows, largest first. `labels` and `chosen` (n,) are in 0 … 2."""
    member = np.array(groups)
    names, sizes = np.unique(member, return_counts=True)
    answers = []
    for place in np.argsort(-sizes, kind="stable"):
        inside = member == names[place]
        tables = [confusion_table(labels[rows], chosen[rows]) for rows in (inside, ~inside)]
        enough = min(int(table.sum()) for table in tables) >= max(min_n, 1)
        answers.append(
            GroupQuality(
                group=str(names[place]),
                n=int(sizes[place]),
                macro_f1=_compared(macro_f1_of, tables, seed) if enough else None,
                macro_recall=_compared(macro_recall_of, tables, seed) if enough else None,
            )
        )
    return answers


def _compared(measure: _Measure, tables: Sequence[NDArray[np.int64]], seed: int) -> Compared:
    """Compare two confusion tables, the group's and the others'. Each is resampled on its own: both sizes are fixed."""
    inside, outside = (measure(table) for table in tables)
    drawn = [
        measure(resample_counts(table, n_resamples=DEFAULT_RESAMPLES, seed=seed + place))
        for place, table in enumerate(tables)
    ]
    return Compared(value=float(inside), gap=float(inside - outside), interval=percentile_interval(drawn[0] - drawn[1]))
