"""The comparison itself: same rows, same texts, same rounds for every model."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigurationError
from sentiment.progress import Progress
from sentiment.statistics import confusion_table, holm, macro_f1_of, percentile_interval, resample_counts
from training.audit.audit import audit
from training.comparison.contenders import Answers, ContenderSpec, Facts
from training.comparison.cost import Assumptions, cost_of
from training.comparison.mcnemar import mcnemar
from training.comparison.pareto import pareto_front
from training.comparison.process import ContenderProcess
from training.comparison.records import Conditions, Contestant, FairnessGap, ModelComparison, Quality, Versus
from training.comparison.timing import Times, speed_of, time_in_rounds
from training.data.examples import Example, fingerprint, read_examples
from training.evaluation.metrics import quality
from training.evaluation.paired_bootstrap import paired_bootstrap

# What progress may lag behind, and enough to sort by length.
_TEXTS_AT_ONCE = 256
_MIB = 1024 * 1024
_PACKAGES = ("torch", "transformers", "openvino", "tokenizers")


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What to compare and how. `reference` names one of `entries`; `max_rows` None takes every row of `data`.

    `n_timed_texts` (batched) and `n_singles` (one by one) are what each of the `rounds` times. `threads` 0 means all
    cores.
    """

    data: Path
    entries: Sequence[ContenderSpec]
    reference: str
    max_rows: int | None = None
    seed: int = 13
    n_resamples: int = 1_000
    rounds: int = 3
    n_timed_texts: int = 256
    n_singles: int = 100
    threads: int = 0
    label_map: Mapping[str, str] | None = None
    fairness: bool = True
    assumptions: Assumptions = field(default_factory=Assumptions)


@dataclass(frozen=True, slots=True)
class _Measured:
    """All that was measured on one contender."""

    name: str
    facts: Facts
    probabilities: NDArray[np.float64]
    times: Times
    gaps: tuple[FairnessGap, ...] | None
    peak_memory_bytes: int

    @property
    def chosen(self) -> NDArray[np.int64]:
        """(n,) positions in ``LABELS``."""
        chosen: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return chosen


def compare(request: ComparisonRequest, progress: Progress, *, instruction_set: str) -> ModelComparison:
    """Measure every entry in a process of its own and judge them against the reference.

    Models stay loaded together until the end, so that they can be timed in turns: they must fit into memory at once.

    Raises:
        ConfigurationError: names are not unique, or the reference is none of them.
        InputError: the data cannot be used.
        ModelError: a model cannot be loaded.
        SentimentError: a model failed.
    """
    names = [entry.name for entry in request.entries]
    if len(set(names)) < len(names) or request.reference not in names:
        raise ConfigurationError(f"models need names of their own, and the reference is one of {', '.join(names)}")
    examples = read_examples(request.data)
    rows = _sample(examples, request)
    texts = [row.text for row in rows]
    labels = np.array([row.label for row in rows], dtype=np.int64)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(ContenderProcess(entry, threads=request.threads, label_map=request.label_map))
            for entry in request.entries
        ]
        measured = _measure(processes, texts, request, progress)
    return ModelComparison(
        conditions=_conditions(request, rows, len(examples), instruction_set),
        reference=request.reference,
        models=_judge(measured, labels, request),
    )


def _sample(examples: Sequence[Example], request: ComparisonRequest) -> list[Example]:
    if request.max_rows is None or request.max_rows >= len(examples):
        return list(examples)
    drawn = np.random.default_rng(request.seed).choice(len(examples), request.max_rows, replace=False)
    return [examples[row] for row in np.sort(drawn)]


def _measure(
    processes: Sequence[ContenderProcess], texts: Sequence[str], request: ComparisonRequest, progress: Progress
) -> list[_Measured]:
    facts, probabilities, gaps = [], [], []
    for process in processes:  # all are loaded before anything long begins, so that a mistake shows at once
        facts.append(process.facts())
    for process in processes:
        probabilities.append(_answer(process, texts, f"{process.name}: quality", progress).probabilities)
        gaps.append(_gaps(process, request.seed, progress) if request.fairness else None)
    timed = _timed_texts(texts, request)
    progress.begin("timing rounds", request.rounds)
    times = time_in_rounds(
        processes, timed, n_singles=request.n_singles, rounds=request.rounds, after_round=progress.at
    )
    return [
        _Measured(process.name, fact, answered, timed_as, gap, process.peak_memory_bytes())
        for process, fact, answered, timed_as, gap in zip(processes, facts, probabilities, times, gaps, strict=True)
    ]


def _answer(process: ContenderProcess, texts: Sequence[str], what: str, progress: Progress) -> Answers:
    progress.begin(what, len(texts))
    parts = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        parts.append(process.answer(texts[start : start + _TEXTS_AT_ONCE]).probabilities)
        progress.at(min(start + _TEXTS_AT_ONCE, len(texts)))
    return Answers(np.concatenate(parts), None)


def _gaps(process: ContenderProcess, seed: int, progress: Progress) -> tuple[FairnessGap, ...]:
    def predict(texts: Sequence[str]) -> NDArray[np.float64]:
        return _answer(process, texts, f"{process.name}: fairness", progress).probabilities

    return tuple(
        FairnessGap(
            attribute=found.attribute,
            n_pairs=found.n_pairs,
            mean_abs_gap=found.mean_abs_gap,
            flip_rate=found.flip_rate,
        )
        for found in audit(predict, seed=seed).counterfactual
        # Two dialects differ in more than a word about a person.
        if not found.wording
    )


def _timed_texts(texts: Sequence[str], request: ComparisonRequest) -> list[str]:
    """Drawn by the seed, in the drawn order: neither sorted nor grouped by source, as events arrive."""
    count = min(request.n_timed_texts, len(texts))
    drawn = np.random.default_rng(request.seed + 1).choice(len(texts), count, replace=False)
    return [texts[row] for row in drawn]


def _judge(
    measured: Sequence[_Measured], labels: NDArray[np.int64], request: ComparisonRequest
) -> tuple[Contestant, ...]:
    reference = next(one for one in measured if one.name == request.reference)
    qualities = [_quality(one, labels, request) for one in measured]
    speeds = [speed_of(one.times, reference.times) for one in measured]
    front = pareto_front(
        [(of.macro_f1.value, speed.texts_per_s) for of, speed in zip(qualities, speeds, strict=True)]
    )  # fmt: skip
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


def _quality(one: _Measured, labels: NDArray[np.int64], request: ComparisonRequest) -> Quality:
    counts = confusion_table(labels, one.chosen)
    interval = percentile_interval(
        macro_f1_of(resample_counts(counts, n_resamples=request.n_resamples, seed=request.seed))
    )
    found = quality(one.probabilities, labels)
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
    measured: Sequence[_Measured], reference: _Measured, labels: NDArray[np.int64], request: ComparisonRequest
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
