"""The types of a comparison: of its JSON document, its tables and its plot."""

from __future__ import annotations

import msgspec

from sentiment.events import Label
from sentiment.statistics import Estimate
from training.comparison.cost import Assumptions, Cost


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Quality against the labels. `ece` and `brier` are None for a word list, which has no probabilities."""

    macro_f1: Estimate
    accuracy: float
    macro_recall: float
    f1: dict[Label, float]
    ece: float | None
    brier: float | None


class Versus(msgspec.Struct, frozen=True, kw_only=True):
    """A model against the reference on the same rows.

    `macro_f1` is that of the model minus that of the reference. The p-values are two-sided: of a paired bootstrap on
    macro-F1, and of McNemar's test on accuracy. `…_adjusted` are corrected by Holm over all models of the comparison.
    """

    macro_f1: Estimate
    bootstrap_p: float
    bootstrap_p_adjusted: float
    mcnemar_p: float
    mcnemar_p_adjusted: float
    mcnemar_exact: bool
    only_this_right: int
    only_reference_right: int


class ModelSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """Throughput and latency. `texts_per_s` and `tokens_per_s` are medians of the rounds. Latencies: single texts.

    `ratio` is texts/s relative to the reference in the same round: its median, and its range over the rounds.
    """

    latency_p50_ms: float
    latency_p99_ms: float
    n_singles: int
    texts_per_s: float
    tokens_per_s: float | None
    ratio: Estimate
    cpu_ms_per_text: float


class FairnessGap(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of texts that differ only in `attribute`: the mean |difference of scores|, the share of label changes."""

    attribute: str
    n_pairs: int
    mean_abs_gap: float
    flip_rate: float


class Contestant(msgspec.Struct, frozen=True, kw_only=True):
    """One model. `versus` is None for the reference; `gaps` is None if fairness was left out.

    `on_front`: no other model is surely better in macro-F1 or throughput without being surely worse in the other.
    """

    name: str
    version: str
    backend: str
    n_parameters: int | None
    quality: Quality
    versus: Versus | None
    speed: ModelSpeed
    cost: Cost
    peak_memory_mib: float
    gaps: tuple[FairnessGap, ...] | None
    on_front: bool


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions of the measurement. `data` is a file name. `cores` are those that this process may use. `versions`
    are those of the libraries that compute.
    """

    data: str
    n_rows: int
    n_rows_in_file: int
    fingerprint: str
    seed: int
    n_resamples: int
    rounds: int
    n_timed_texts: int
    threads: int
    cores: int
    instruction_set: str
    versions: dict[str, str]
    assumptions: Assumptions


class ModelComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All models on the same rows, in the given order."""

    conditions: Conditions
    reference: str
    models: tuple[Contestant, ...]
