"""The types of an evaluation: of its JSON document and of its report."""

from __future__ import annotations

import msgspec

from sentiment.events import Label
from sentiment.statistics import Estimate


class ClassQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One class: `n` rows have it as label, `n_chosen` as prediction."""

    n: int
    n_chosen: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """The rows whose top probability is in (low, high]: the confidence of the model, and its accuracy."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """How well probabilities match frequencies.

    `ece_by_chance` is the error of a perfectly calibrated model with these confidences on as many rows: an `ece` near
    it cannot be told from perfect. Resampling adds noise of the same kind, so the interval of `ece` is biased upwards.
    `bins` without rows are left out.
    """

    ece: Estimate
    ece_by_chance: float
    brier: Estimate
    nll: Estimate
    mean_confidence: float
    bins: tuple[Bin, ...]


class SliceQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the rows. `labels` counts them by label. Macro-F1 is over the classes that occur in the part.

    `small`: it has fewer rows than the evaluation asks for, so its figures are only a hint. `n_merged` slices below
    that size were merged into this one; 0 for a slice of its own.
    """

    name: str
    n: int
    labels: dict[Label, int]
    macro_f1: Estimate
    accuracy: Estimate
    ece: float
    small: bool = False
    n_merged: int = 0


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One wrong prediction. `row` counts from 1, as in the file. `text` is redacted."""

    row: int
    label: Label
    chosen: Label
    confidence: float
    probability_of_label: float
    source: str
    text: str


class MostLikely(msgspec.Struct, frozen=True, kw_only=True):
    """What a model with a decision rule would reach if it always gave the most likely label.

    `n_differing` rows would get another label.
    """

    n_differing: int
    macro_f1: Estimate
    macro_recall: Estimate
    accuracy: Estimate


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The evaluation of one model on one set of rows. Intervals are by bootstrap, at `level`.

    `confusion[i][j]` counts the rows with label i and prediction j, in the order of ``LABELS``. `slices` are by kind
    (source, product, language, length), largest first. `most_likely` is None if every row gets its most likely label.
    """

    n: int
    seed: int
    n_resamples: int
    level: float
    min_slice: int
    macro_f1: Estimate
    macro_recall: Estimate
    accuracy: Estimate
    by_class: dict[Label, ClassQuality]
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability
    slices: dict[str, tuple[SliceQuality, ...]]
    most_likely: MostLikely | None = None
