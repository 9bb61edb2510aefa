"""The judgement of one model on labelled rows: every measure with an interval, by class and by slice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sentiment.calibration import expected_calibration_error
from sentiment.events import LABELS, Label
from sentiment.statistics import (
    DEFAULT_LEVEL,
    DEFAULT_RESAMPLES,
    Estimate,
    accuracy_of,
    confusion_table,
    f1_of,
    macro_f1_of,
    macro_recall_of,
    percentile_interval,
    precision_of,
    recall_of,
    resample_counts,
)
from training.data.examples import Example
from training.evaluation.records import ClassQuality, Evaluation, SliceQuality
from training.evaluation.reliability import measure_reliability
from training.evaluation.slices import SLICE_KINDS, Slice, slice_rows

MIN_SLICE = 30
_Tables = NDArray[np.int64]


def evaluate(
    probabilities: NDArray[np.float64],
    examples: Sequence[Example],
    *,
    seed: int,
    n_resamples: int = DEFAULT_RESAMPLES,
    min_slice: int = MIN_SLICE,
    slices: Sequence[str] = tuple(SLICE_KINDS),
    level: float = DEFAULT_LEVEL,
) -> Evaluation:
    """Judge (n, 3) calibrated `probabilities` of `examples`, in their order.

    `slices` names kinds of ``SLICE_KINDS``; parts with fewer than `min_slice` rows are merged. The same seed gives the
    same intervals. Raises ``ValueError`` without rows.
    """
    labels = np.array([example.label for example in examples], dtype=np.int64)
    chosen = probabilities.argmax(axis=1)
    table = confusion_table(labels, chosen)
    resamples = resample_counts(table, n_resamples=n_resamples, seed=seed)

    def overall(measure: Callable[[_Tables], NDArray[np.float64]]) -> Estimate:
        return _measure(measure, table, resamples, level)

    def part(piece: Slice) -> SliceQuality:
        return _slice_quality(
            piece, probabilities, labels, min_slice=min_slice, n_resamples=n_resamples, seed=seed, level=level
        )

    return Evaluation(
        n=len(labels),
        seed=seed,
        n_resamples=n_resamples,
        level=level,
        min_slice=min_slice,
        macro_f1=overall(macro_f1_of),
        macro_recall=overall(macro_recall_of),
        accuracy=overall(accuracy_of),
        by_class=_by_class(table, resamples, level),
        confusion=tuple(tuple(row) for row in table.tolist()),
        reliability=measure_reliability(probabilities, labels, seed=seed, n_resamples=n_resamples, level=level),
        slices={kind: tuple(map(part, slice_rows(examples, kind, min_slice))) for kind in slices},
    )


def _by_class(table: _Tables, resamples: _Tables, level: float) -> dict[Label, ClassQuality]:
    measures = {
        name: (measure(table), measure(resamples))
        for name, measure in (("precision", precision_of), ("recall", recall_of), ("f1", f1_of))
    }
    return {
        label: ClassQuality(
            n=int(table[index].sum()),
            n_chosen=int(table[:, index].sum()),
            **{
                name: percentile_interval(drawn[:, index], level).of(float(value[index]))
                for name, (value, drawn) in measures.items()
            },
        )
        for index, label in enumerate(LABELS)
    }


def _slice_quality(
    piece: Slice,
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    *,
    min_slice: int,
    n_resamples: int,
    seed: int,
    level: float,
) -> SliceQuality:
    inside, of_label = probabilities[piece.rows], labels[piece.rows]
    table = confusion_table(of_label, inside.argmax(axis=1))
    resamples = resample_counts(table, n_resamples=n_resamples, seed=seed)
    counts = Counter(of_label.tolist())
    return SliceQuality(
        name=piece.name,
        n=len(piece.rows),
        labels={label: counts[index] for index, label in enumerate(LABELS)},
        macro_f1=_measure(macro_f1_of, table, resamples, level),
        accuracy=_measure(accuracy_of, table, resamples, level),
        ece=expected_calibration_error(inside, of_label),
        small=len(piece.rows) < min_slice,
        n_merged=piece.n_merged,
    )


def _measure(
    measure: Callable[[_Tables], NDArray[np.float64]], table: _Tables, resamples: _Tables, level: float
) -> Estimate:
    return percentile_interval(measure(resamples), level).of(float(measure(table)))
