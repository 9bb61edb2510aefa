"""A comparison as tables of text, for the terminal and for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentiment.statistics import Estimate
from training.comparison.records import Contestant, ModelComparison

FRONT_MARK = "◆"
_MISSING = "n/a"
_REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table. The first column has names, all others have figures. Every row is as long as `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(comparison: ModelComparison) -> list[ReportTable]:
    """Quality, speed and cost with a row for each model. Fairness, if measured, with a column for each."""
    models = comparison.models
    found = [
        _report_table("Quality", _QUALITY, [_quality(model) for model in models]),
        _report_table("Speed and cost", _speed_columns(comparison), [_speed(model) for model in models]),
    ]
    attributes = list(dict.fromkeys(gap.attribute for model in models for gap in model.gaps or ()))
    if attributes:
        columns = ("gap · flips by", *(_name(model) for model in models))
        found.append(_report_table("Fairness", columns, [_fairness(attribute, models) for attribute in attributes]))
    return found


def notes(comparison: ModelComparison) -> list[str]:
    """The conditions of the figures and the meaning of the columns, in a sentence or two each."""
    of, assumed = comparison.conditions, comparison.conditions.assumptions
    sample = "" if of.n_rows == of.n_rows_in_file else f", a sample of {of.n_rows_in_file:,}"
    threads = {0: "all threads", 1: "one thread"}.get(of.threads, f"{of.threads} threads")
    found = [
        f"{of.n_rows:,} rows of {of.data}{sample}; seed {of.seed}; {of.instruction_set}, {of.cores} cores, {threads}.",
        f"Intervals are 95 % of {of.n_resamples:,} resamples. p tests the difference to {comparison.reference} (paired "
        "bootstrap on macro-F1, McNemar on accuracy), corrected by Holm over all models.",
        f"Speed is the median of {of.rounds} rounds of {of.n_timed_texts:,} texts, in which all models take turns. "
        "× is the ratio to the reference with its range. Latency is of single texts.",
        "CPU ms/text is processor time, which other programs on the machine disturb less than texts/s. Memory is the "
        "peak of the whole process, including its libraries.",
        f"Cost assumes {assumed.price_per_core_hour:g} {assumed.currency} and {assumed.watts_per_core:g} W for each "
        f"core hour, with {assumed.utilisation:.0%} of the rented time in use"
        + (
            f", {assumed.price_per_gpu_hour:g} {assumed.currency} and {assumed.watts_per_gpu:g} W for the GPU"
            if any(model.cost.gpu_hours_per_million for model in comparison.models)
            else ""
        )
        + ". Only scoring is counted.",
        f"{FRONT_MARK} marks the Pareto front: every other model that is better in macro-F1 is slower, and every "
        "one that is faster is worse. Differences count if their interval leaves out 0.",
    ]
    if any(model.gaps for model in comparison.models):
        found.append(
            "Fairness compares texts that differ only in one attribute of a person: the mean |difference of scores|, "
            "in [0, 2], and the share of pairs with two labels."
        )
    if any(model.quality.ece is None for model in comparison.models):
        found.append("A word list has no probabilities, so it has no ECE, and its scores in Fairness are −1, 0 or 1.")
    return found


def _report_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> ReportTable:
    return ReportTable(title, tuple(columns), tuple(tuple(row) for row in rows))


_QUALITY = ("model", "macro-F1", "difference", "p bootstrap", "p McNemar", "accuracy", "ECE")


def _quality(model: Contestant) -> list[str]:
    of, versus = model.quality, model.versus
    against = (
        [_REFERENCE, "", ""]
        if versus is None
        else [_ends(versus.macro_f1, "+.3f"), _p(versus.bootstrap_p_adjusted), _p(versus.mcnemar_p_adjusted)]
    )
    ece = _MISSING if of.ece is None else f"{of.ece:.3f}"
    return [_name(model), _ends(of.macro_f1, ".3f"), *against, f"{of.accuracy:.3f}", ece]


def _speed_columns(comparison: ModelComparison) -> list[str]:
    currency = comparison.conditions.assumptions.currency
    rates = ["texts/s", "×", "tokens/s", "CPU ms/text", "p50 ms", "p99 ms"]
    return ["model", "backend", "params", *rates, "peak MiB", f"{currency}/M", "kWh/M"]


def _speed(model: Contestant) -> list[str]:
    of = model.speed
    return [
        _name(model),
        model.backend,
        _MISSING if model.n_parameters is None else f"{model.n_parameters / 1e6:.1f} M",
        f"{of.texts_per_s:,.0f}",
        _ends(of.ratio, ".2f") if model.versus is not None else "1",
        _MISSING if of.tokens_per_s is None else f"{of.tokens_per_s:,.0f}",
        f"{of.cpu_ms_per_text:.2f}",
        f"{of.latency_p50_ms:.1f}",
        f"{of.latency_p99_ms:.1f}",
        f"{model.peak_memory_mib:,.0f}",
        f"{model.cost.price_per_million:.3f}",
        f"{model.cost.kwh_per_million:.3f}",
    ]


def _fairness(attribute: str, models: Sequence[Contestant]) -> list[str]:
    found = [next((gap for gap in model.gaps or () if gap.attribute == attribute), None) for model in models]
    return [
        attribute,
        *(_MISSING if gap is None else f"{gap.mean_abs_gap:.3f} · {gap.flip_rate:.1%}" for gap in found),
    ]


def _name(model: Contestant) -> str:
    return f"{model.name} {FRONT_MARK}" if model.on_front else model.name


def _ends(measure: Estimate, form: str) -> str:
    return f"{measure.value:{form}} [{measure.low:{form}}, {measure.high:{form}}]"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
