"""Measure each contender: its predictions, its fairness, and its speed beside the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sentiment.progress import Progress
from sentiment.statistics import Ints
from training.audit.audit import audit
from training.comparison.contenders import ContenderSpec, Facts
from training.comparison.cost import Assumptions
from training.comparison.process import ContenderProcess
from training.comparison.records import FairnessGap
from training.comparison.timing import Times, time_in_rounds
from training.data.examples import USUAL_LAYOUT, RowLayout
from training.evaluation.predicting import Answers

# Progress may lag behind by as many, and they are enough to sort by length.
_TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What to compare and how. `reference` names one of `contenders`. `max_rows` None takes every row of `data`.

    Each of the `rounds` times `n_timed_texts` in batches and `n_singles` one by one. `threads` 0 means all cores.
    """

    data: Path
    contenders: Sequence[ContenderSpec]
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
    layout: RowLayout = USUAL_LAYOUT
    assumptions: Assumptions = field(default_factory=Assumptions)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on one contender."""

    name: str
    facts: Facts
    answers: Answers
    times: Times
    gaps: tuple[FairnessGap, ...] | None
    peak_memory_bytes: int

    @property
    def chosen(self) -> Ints:
        """The predictions (n,) as indices of ``LABELS``."""
        return self.answers.chosen


def measure(
    processes: Sequence[ContenderProcess], texts: Sequence[str], request: ComparisonRequest, progress: Progress
) -> list[Measured]:
    """Ask every process in turn for its answers to `texts` and its fairness, then time all of them in rounds."""
    # All are loaded before anything long begins, so that a mistake shows at once.
    facts = [process.facts() for process in processes]
    answers, gaps = [], []
    for process in processes:
        answers.append(_answer(process, texts, f"{process.name}: quality", progress))
        gaps.append(_gaps(process, request.seed, progress) if request.fairness else None)
    progress.begin("timing rounds", request.rounds)
    times = time_in_rounds(
        processes,
        _timed_texts(texts, request),
        n_singles=request.n_singles,
        rounds=request.rounds,
        after_round=progress.at,
    )
    return [
        Measured(process.name, fact, answered, timed_as, gap, process.peak_memory_bytes())
        for process, fact, answered, timed_as, gap in zip(processes, facts, answers, times, gaps, strict=True)
    ]


def _answer(process: ContenderProcess, texts: Sequence[str], what: str, progress: Progress) -> Answers:
    progress.begin(what, len(texts))
    parts = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        parts.append(process.answer(texts[start : start + _TEXTS_AT_ONCE]).answers)
        progress.at(min(start + _TEXTS_AT_ONCE, len(texts)))
    return Answers(
        np.concatenate([part.probabilities for part in parts]), np.concatenate([part.chosen for part in parts])
    )


def _gaps(process: ContenderProcess, seed: int, progress: Progress) -> tuple[FairnessGap, ...]:
    def predict(texts: Sequence[str]) -> Answers:
        return _answer(process, texts, f"{process.name}: fairness", progress)

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
    """Drawn by the seed and left in the drawn order: like events, neither sorted nor grouped by data set."""
    count = min(request.n_timed_texts, len(texts))
    drawn = np.random.default_rng(request.seed + 1).choice(len(texts), count, replace=False)
    return [texts[row] for row in drawn]
