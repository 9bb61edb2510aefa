"""Counts of (label, chosen) pairs, and the measures that depend on nothing else.

Every function takes tables (…, classes, classes) with labels in rows and chosen classes in columns, so that thousands
of resampled tables are measured in one call. A ratio without anything below its line is 0, as in scikit-learn's
`zero_division=0`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentiment.events import LABELS

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def confusion_table(labels: NDArray[np.int64], chosen: NDArray[np.int64], n_classes: int = len(LABELS)) -> Counts:
    """(n_classes, n_classes) counts; row is the label, column the chosen class, both in 0 … n_classes − 1."""
    return joint_counts(labels, chosen, n_classes=n_classes)


def joint_counts(*columns: NDArray[np.int64], n_classes: int = len(LABELS)) -> Counts:
    """How often each combination of the `columns` (n,) occurs: one axis of `n_classes` for each column.

    Raises ``ValueError`` where a value is not in 0 … n_classes − 1 or the columns differ in length.
    """
    shape = (n_classes,) * len(columns)
    flat = np.ravel_multi_index(tuple(np.asarray(column) for column in columns), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.int64)


def resample_counts(counts: Counts, *, n_resamples: int, seed: int) -> Counts:
    """`n_resamples` tables as a bootstrap over the rows behind `counts` would give them: (n_resamples, *shape).

    Drawing n rows with replacement and counting them is one draw from a multinomial with the observed shares, so the
    rows themselves are not needed: exact, and independent of their number.
    """
    total = int(counts.sum())
    if total == 0:
        raise ValueError("nothing to resample: no rows")
    draws = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, size=n_resamples)
    return draws.reshape(n_resamples, *counts.shape)


def precision_of(tables: Counts) -> Floats:
    """(…, classes): of what was called a class, the share that is."""
    return _ratio(_hits(tables), tables.sum(axis=-2))


def recall_of(tables: Counts) -> Floats:
    """(…, classes): of what is a class, the share that was called so."""
    return _ratio(_hits(tables), tables.sum(axis=-1))


def f1_of(tables: Counts) -> Floats:
    """(…, classes): the harmonic mean of precision and recall."""
    return _ratio(2 * _hits(tables), tables.sum(axis=-1) + tables.sum(axis=-2))


def macro_f1_of(tables: Counts) -> Floats:
    """(…): mean F1 of the classes that occur, as label or as chosen class."""
    occurs = (tables.sum(axis=-1) + tables.sum(axis=-2)) > 0
    return _ratio(f1_of(tables).sum(axis=-1), occurs.sum(axis=-1))


def macro_recall_of(tables: Counts) -> Floats:
    """(…): mean recall of the classes that occur as label."""
    return _ratio(recall_of(tables).sum(axis=-1), (tables.sum(axis=-1) > 0).sum(axis=-1))


def accuracy_of(tables: Counts) -> Floats:
    """(…): share of rows whose chosen class is the label."""
    return _ratio(_hits(tables).sum(axis=-1), tables.sum(axis=(-1, -2)))


def _hits(tables: Counts) -> Counts:
    return np.diagonal(tables, axis1=-2, axis2=-1)


def _ratio(above: NDArray[np.number], below: NDArray[np.number]) -> Floats:
    quotient: Floats = np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) != 0)
    return quotient
