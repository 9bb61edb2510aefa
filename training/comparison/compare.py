"""The comparison itself: the same rows, the same texts and the same rounds for every model."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np

from sentiment.errors import ConfigurationError
from sentiment.progress import Progress
from sentiment.statistics import Ints, confusion_table, holm, macro_f1_of, percentile_interval, resample_counts
from training.comparison.cost import cost_of
from training.comparison.mcnemar import mcnemar
from training.comparison.measuring import ComparisonRequest, Measured, measure
from training.comparison.pareto import Better, pareto_front
from training.comparison.process import ContenderProcess
from training.comparison.records import Conditions, Contestant, ModelComparison, Quality, Versus
from training.comparison.timing import speed_of, surely_faster
from training.data.examples import Example, fingerprint, read_examples
from training.data.rows import sample_rows
from training.evaluation.metrics import quality
from training.evaluation.paired_bootstrap import paired_bootstrap

_MIB = 1024 * 1024
_PACKAGES = ("torch", "transformers", "openvino", "tokenizers")


def compare(request: ComparisonRequest, progress: Progress, *, instruction_set: str) -> ModelComparison:
    """Measure every model in its own process and compare it with the reference.

    All models stay loaded until the end, so that they can be timed in turns. They must fit into memory together.

    Raises:
        ConfigurationError: names are not unique, or the reference is not among them.
        InputError: the data cannot be used.
        ModelError: a model cannot be loaded.
        SentimentError: a model failed.
    """
    names = [spec.name for spec in request.contenders]
    if len(set(names)) < len(names) or request.reference not in names:
        raise ConfigurationError(f"model names must be unique, and the reference must be one of {', '.join(names)}")
    examples = read_examples(request.data, request.layout)
    rows = [examples[row] for row in sample_rows(len(examples), request.max_rows, request.seed)]
    texts = [row.text for row in rows]
    labels = np.array([row.label for row in rows], dtype=np.int64)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(ContenderProcess(spec, threads=request.threads, label_map=request.label_map))
            for spec in request.contenders
        ]
        measured = measure(processes, texts, request, progress)
    return ModelComparison(
        conditions=_conditions(request, rows, len(examples), instruction_set),
        reference=request.reference,
        models=_judge(measured, labels, request),
    )


def _judge(measured: Sequence[Measured], labels: Ints, request: ComparisonRequest) -> tuple[Contestant, ...]:
    reference = next(one for one in measured if one.name == request.reference)
    qualities = [_quality(one, labels, request) for one in measured]
    speeds = [speed_of(one.times, reference.times) for one in measured]
    front = pareto_front(
        measured, (_surely_better(labels, request), lambda one, other: surely_faster(one.times, other.times))
    )
    versus = _versus(measured, reference, labels, request)
    return tuple(
        Contestant(
            name=one.name,
            version=one.facts.version,
            backend=one.facts.backend,
            n_parameters=one.facts.n_parameters,
            quality=of,
            versus=versus.get(one.name),
            speed=speed,
            cost=cost_of(
                cpu_s_per_text=speed.cpu_ms_per_text / 1_000,
                gpu_s_per_text=1.0 / speed.texts_per_s if "cuda" in one.facts.backend else 0.0,
                assumptions=request.assumptions,
            ),
            peak_memory_mib=one.peak_memory_bytes / _MIB,
            gaps=one.gaps,
            on_front=on_front,
        )
        for one, of, speed, on_front in zip(measured, qualities, speeds, front, strict=True)
    )


def _surely_better(labels: Ints, request: ComparisonRequest) -> Better[Measured]:
    """Whether the interval of the difference in macro-F1 on the same rows is above 0."""

    def better(one: Measured, other: Measured) -> bool:
        found = paired_bootstrap(labels, one.chosen, other.chosen, seed=request.seed, n_resamples=request.n_resamples)
        return found.macro_f1.low > 0.0

    return better


def _surely_faster(one: Measured, other: Measured) -> bool:
    return surely_faster(one.times, other.times)


def _quality(one: Measured, labels: Ints, request: ComparisonRequest) -> Quality:
    counts = confusion_table(labels, one.chosen)
    interval = percentile_interval(
        macro_f1_of(resample_counts(counts, n_resamples=request.n_resamples, seed=request.seed))
    )
    found = quality(one.answers, labels)
    has_probabilities = one.facts.has_probabilities
    return Quality(
        macro_f1=interval.of(found["macro_f1"]),
        accuracy=found["accuracy"],
        macro_recall=found["macro_recall"],
        f1=found["f1"],
        ece=found["ece"] if has_probabilities else None,
        brier=found["brier"] if has_probabilities else None,
    )


def _versus(
    measured: Sequence[Measured], reference: Measured, labels: Ints, request: ComparisonRequest
) -> dict[str, Versus]:
    others = [one for one in measured if one is not reference]
    differences = [
        paired_bootstrap(labels, one.chosen, reference.chosen, seed=request.seed, n_resamples=request.n_resamples)
        for one in others
    ]
    tests = [mcnemar(labels, one.chosen, reference.chosen) for one in others]
    adjusted = zip(holm([of.p_value for of in differences]), holm([test.p_value for test in tests]), strict=True)
    return {
        one.name: Versus(
            macro_f1=of.macro_f1,
            bootstrap_p=of.p_value,
            bootstrap_p_adjusted=bootstrap_p,
            mcnemar_p=test.p_value,
            mcnemar_p_adjusted=mcnemar_p,
            mcnemar_exact=test.exact,
            only_this_right=test.only_a,
            only_reference_right=test.only_b,
        )
        for one, of, test, (bootstrap_p, mcnemar_p) in zip(others, differences, tests, adjusted, strict=True)
    }


def _conditions(
    request: ComparisonRequest, rows: Sequence[Example], n_in_file: int, instruction_set: str
) -> Conditions:
    return Conditions(
        data=request.data.name,
        n_rows=len(rows),
        n_rows_in_file=n_in_file,
        fingerprint=fingerprint(rows),
        seed=request.seed,
        n_resamples=request.n_resamples,
        rounds=request.rounds,
        n_timed_texts=min(request.n_timed_texts, len(rows)),
        threads=request.threads,
        cores=len(os.sched_getaffinity(0)),
        instruction_set=instruction_set,
        versions={package: importlib.metadata.version(package) for package in _PACKAGES},
        assumptions=request.assumptions,
    )
