"""One run of `sentiment evaluate`: read rows, predict, evaluate, and time it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sentiment.events import ModelRef
from sentiment.model.classifier import BatchInfo
from sentiment.model.files import has_file
from sentiment.model.loading import load_configured, locate
from sentiment.model.manifest import MANIFEST_FILE, FormExits, load_manifest
from sentiment.progress import Progress
from sentiment.settings import ModelSettings
from training.data.examples import USUAL_LAYOUT, RowLayout, fingerprint, read_examples
from training.data.rows import sample_rows
from training.evaluation.against import Against, beside, read_earlier
from training.evaluation.evaluate import evaluate
from training.evaluation.exits import ExitsCheck, check_exits
from training.evaluation.mistakes import surest_mistakes
from training.evaluation.predicting import answers_of
from training.evaluation.records import Evaluation, Mistake
from training.evaluation.reproduction import Reproduction, form_of, reproduce


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What to evaluate on which rows. `max_rows` draws a random sample of the file; `n_errors` limits the mistakes.

    `against` is a file with an earlier evaluation.
    """

    data: Path
    slices: tuple[str, ...]
    min_slice: int
    n_errors: int
    max_rows: int | None
    n_resamples: int
    seed: int
    layout: RowLayout = USUAL_LAYOUT
    against: Path | None = None


class DataRef(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that were evaluated: all `n_in_file` rows of `file` or a sample of them, with their fingerprint."""

    file: str
    n_in_file: int
    fingerprint: str


class ScoringTime(msgspec.Struct, frozen=True, kw_only=True):
    """Wall time of the scoring alone, with the model loaded. Other load on the machine is not known."""

    seconds: float
    texts_per_s: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of `sentiment evaluate`. `reproduction`: None if the manifest has none of these rows.

    `exits`: None if no text can leave early. `against`: None if there is no earlier evaluation to compare with.
    """

    model: ModelRef
    backend: str
    data: DataRef
    evaluation: Evaluation
    reproduction: Reproduction | None
    errors: tuple[Mistake, ...]
    cost: ScoringTime
    exits: ExitsCheck | None = None
    against: Against | None = None


def judge(settings: ModelSettings, request: EvaluationRequest, progress: Progress) -> Judgement:
    """Score the rows with the configured model and evaluate the predictions.

    Raises:
        InputError: the rows or the earlier evaluation cannot be read.
        ModelError: the model cannot be loaded.
    """
    earlier = None if request.against is None else read_earlier(request.against)
    in_file = read_examples(request.data, request.layout)
    kept = sample_rows(len(in_file), request.max_rows, request.seed)
    examples = [in_file[index] for index in kept]
    classifier = load_configured(settings)
    began_s = time.perf_counter()
    texts = [example.text for example in examples]
    spent: list[BatchInfo] = []
    answers = answers_of(classifier, texts, progress=progress, spent=spent)
    seconds = time.perf_counter() - began_s
    judged = evaluate(
        answers,
        examples,
        seed=request.seed,
        n_resamples=request.n_resamples,
        min_slice=request.min_slice,
        slices=request.slices,
    )
    print_of_rows = fingerprint(examples)
    fitted = _fitted_exits(settings, form_of(classifier.backend))
    return Judgement(
        model=classifier.model,
        backend=classifier.backend,
        data=DataRef(file=request.data.name, n_in_file=len(in_file), fingerprint=print_of_rows),
        evaluation=judged,
        reproduction=_reproduction(settings, judged, form_of(classifier.backend), print_of_rows),
        errors=surest_mistakes(answers, examples, request.n_errors, rows=[index + 1 for index in kept]),
        cost=ScoringTime(seconds=seconds, texts_per_s=len(examples) / max(seconds, 1e-9)),
        exits=None if fitted is None else check_exits(settings, fitted, texts, answers, spent, progress),
        against=None
        if earlier is None or request.against is None
        else beside(judged, print_of_rows, earlier, request.against.name),
    )


def _fitted_exits(settings: ModelSettings, form: str) -> FormExits | None:
    """The exits that texts may leave at in `form`."""
    exits = locate(settings.path, settings.label_map or None).exits if settings.exits else None
    return None if exits is None else exits.forms.get(form)


def _reproduction(settings: ModelSettings, judged: Evaluation, form: str, fingerprint: str) -> Reproduction | None:
    directory = locate(settings.path, settings.label_map or None).path
    if not has_file(directory / MANIFEST_FILE):
        return None
    return reproduce(judged, load_manifest(directory), form=form, fingerprint=fingerprint)
