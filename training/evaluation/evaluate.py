"""Evaluate one model on labelled rows: every metric with an interval, by class and by slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sentiment.events import LABELS, Label
from sentiment.statistics import (
    DEFAULT_LEVEL,
    DEFAULT_RESAMPLES,
    Estimate,
    Floats,
    Ints,
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
from training.evaluation.metrics import expected_calibration_error
from training.evaluation.predicting import Answers
from training.evaluation.records import ClassQuality, Evaluation, MostLikely, SliceQuality
from training.evaluation.reliability import measure_reliability
from training.evaluation.slices import SLICE_KINDS, Slice, slice_rows

MIN_SLICE = 30
_Measure = Callable[[Ints], Floats]


class _Resampled:
    """A confusion table and its bootstrap resamples, from which every metric gets its interval."""

    def __init__(self, labels: Ints, predictions: Ints, *, n_resamples: int, seed: int) -> None:
        self.table = confusion_table(labels, predictions)
        self._resamples = resample_counts(self.table, n_resamples=n_resamples, seed=seed)

    def estimate(self, measure: _Measure) -> Estimate:
        return percentile_interval(measure(self._resamples)).of(float(measure(self.table)))

    def by_class(self, measure: _Measure) -> list[Estimate]:
        resampled = measure(self._resamples)
        return [
            percentile_interval(resampled[:, index]).of(float(value)) for index, value in enumerate(measure(self.table))
        ]


def evaluate(
    answers: Answers,
    examples: Sequence[Example],
    *,
    seed: int,
    n_resamples: int = DEFAULT_RESAMPLES,
    min_slice: int = MIN_SLICE,
    slices: Sequence[str] = tuple(SLICE_KINDS),
) -> Evaluation:
    """Evaluate the `answers` to `examples`, in their order: the chosen labels, and the calibrated probabilities.

    `slices` names kinds of ``SLICE_KINDS``. Parts with fewer than `min_slice` rows are merged. The same seed gives the
    same intervals. Raises ``ValueError`` without rows.
    """
    labels = np.array([example.label for example in examples], dtype=np.int64)
    counted = _Resampled(labels, answers.chosen, n_resamples=n_resamples, seed=seed)

    def part(piece: Slice) -> SliceQuality:
        return _slice_quality(piece, answers, labels, min_slice=min_slice, n_resamples=n_resamples, seed=seed)

    return Evaluation(
        n=len(labels),
        seed=seed,
        n_resamples=n_resamples,
        level=DEFAULT_LEVEL,
        min_slice=min_slice,
        macro_f1=counted.estimate(macro_f1_of),
        macro_recall=counted.estimate(macro_recall_of),
        accuracy=counted.estimate(accuracy_of),
        by_class=_by_class(counted),
        confusion=tuple(tuple(row) for row in counted.table.tolist()),
        most_likely=_most_likely(answers, labels, n_resamples=n_resamples, seed=seed),
        reliability=measure_reliability(answers.probabilities, labels, seed=seed, n_resamples=n_resamples),
        slices={kind: tuple(map(part, slice_rows(examples, kind, min_slice))) for kind in slices},
    )


def _most_likely(answers: Answers, labels: Ints, *, n_resamples: int, seed: int) -> MostLikely | None:
    chosen = Answers.most_likely(answers.probabilities).chosen
    differing = int((chosen != answers.chosen).sum())
    if not differing:
        return None
    counted = _Resampled(labels, chosen, n_resamples=n_resamples, seed=seed)
    return MostLikely(
        n_differing=differing,
        macro_f1=counted.estimate(macro_f1_of),
        macro_recall=counted.estimate(macro_recall_of),
        accuracy=counted.estimate(accuracy_of),
    )


def _by_class(counted: _Resampled) -> dict[Label, ClassQuality]:
    precision, recall, f1 = map(counted.by_class, (precision_of, recall_of, f1_of))
    return {
        label: ClassQuality(
            n=int(counted.table[index].sum()),
            n_chosen=int(counted.table[:, index].sum()),
            precision=precision[index],
            recall=recall[index],
            f1=f1[index],
        )
        for index, label in enumerate(LABELS)
    }


def _slice_quality(
    piece: Slice, answers: Answers, labels: Ints, *, min_slice: int, n_resamples: int, seed: int
) -> SliceQuality:
    inside, labels_inside = answers.probabilities[piece.rows], labels[piece.rows]
    counted = _Resampled(labels_inside, answers.chosen[piece.rows], n_resamples=n_resamples, seed=seed)
    return SliceQuality(
        name=piece.name,
        n=len(piece.rows),
        labels={label: int(counted.table[index].sum()) for index, label in enumerate(LABELS)},
        macro_f1=counted.estimate(macro_f1_of),
        accuracy=counted.estimate(accuracy_of),
        ece=expected_calibration_error(inside, labels_inside),
        small=len(piece.rows) < min_slice,
        n_merged=piece.n_merged,
    )
