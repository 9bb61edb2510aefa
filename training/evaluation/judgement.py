"""One run of `sentiment evaluate`: rows in, answers, judgement, and what it took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from sentiment.events import ModelRef
from sentiment.model.loading import load_configured, locate
from sentiment.model.manifest import MANIFEST_FILE, load_manifest
from sentiment.progress import Progress
from sentiment.settings import ModelSettings
from training.data.examples import fingerprint, read_examples
from training.evaluation.evaluate import evaluate
from training.evaluation.mistakes import surest_mistakes
from training.evaluation.predicting import probabilities_of
from training.evaluation.records import Evaluation, Mistake
from training.evaluation.reproduction import Reproduction, form_of, reproduce


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What to judge on which rows: `max_rows` draws a random sample of the file, `n_errors` bounds the mistakes."""

    data: Path
    slices: tuple[str, ...]
    min_slice: int
    n_errors: int
    max_rows: int | None
    n_resamples: int
    seed: int


class DataRef(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that were judged: `n_in_file` of `file`, all or a sample, and their fingerprint."""

    file: str
    n_in_file: int
    fingerprint: str


class ScoringTime(msgspec.Struct, frozen=True, kw_only=True):
    """Wall time of the scoring alone, model loaded, on an otherwise unknown load of the machine."""

    seconds: float
    texts_per_s: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of `sentiment evaluate`. `reproduction` is None where the manifest has no figures for these
    rows.
    """

    model: ModelRef
    backend: str
    data: DataRef
    evaluation: Evaluation
    reproduction: Reproduction | None
    errors: tuple[Mistake, ...]
    cost: ScoringTime


def judge(settings: ModelSettings, request: EvaluationRequest, progress: Progress) -> Judgement:
    """Score the rows with the configured model and measure the answers.

    Raises:
        InputError: the rows cannot be read.
        ModelError: the model cannot be loaded.
    """
    in_file = read_examples(request.data)
    kept = sample_rows(len(in_file), request.max_rows, request.seed)
    examples = [in_file[index] for index in kept]
    classifier = load_configured(settings)
    began_s = time.perf_counter()
    probabilities = probabilities_of(classifier, [example.text for example in examples], progress=progress)
    seconds = time.perf_counter() - began_s
    judged = evaluate(
        probabilities,
        examples,
        seed=request.seed,
        n_resamples=request.n_resamples,
        min_slice=request.min_slice,
        slices=request.slices,
    )
    print_of_rows = fingerprint(examples)
    directory = locate(settings.path, settings.label_map or None).path
    reproduction = None
    if (directory / MANIFEST_FILE).is_file():
        reproduction = reproduce(
            judged, load_manifest(directory), form=form_of(classifier.backend), fingerprint=print_of_rows
        )
    return Judgement(
        model=classifier.model,
        backend=classifier.backend,
        data=DataRef(file=request.data.name, n_in_file=len(in_file), fingerprint=print_of_rows),
        evaluation=judged,
        reproduction=reproduction,
        errors=surest_mistakes(probabilities, examples, request.n_errors, rows=[index + 1 for index in kept]),
        cost=ScoringTime(seconds=seconds, texts_per_s=len(examples) / max(seconds, 1e-9)),
    )


def sample_rows(n: int, max_rows: int | None, seed: int) -> Sequence[int]:
    """The indices of `max_rows` of `n` rows, drawn without repetition and in their order; all where none are too
    many.
    """
    if max_rows is None or max_rows >= n:
        return range(n)
    drawn: list[int] = sorted(np.random.default_rng(seed).choice(n, size=max_rows, replace=False).tolist())
    return drawn
