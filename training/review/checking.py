"""Find wrong labels in a labelled file, with the predictions that it has or with those of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.loading import load_configured, locate
from sentiment.model.manifest import TOKENIZER_FILE
from sentiment.model.tokenizer import TextTokenizer
from sentiment.progress import Progress
from sentiment.settings import ModelSettings
from sentiment.statistics import Floats
from training.data.examples import USUAL_LAYOUT, Example, RowLayout, read_examples
from training.data.rows import read_rows
from training.evaluation.predicting import probabilities_of
from training.review.candidates import PROBABILITY_COLUMNS, Candidate, from_rescored, item_id
from training.review.label_errors import suspects

_GIVEN_COLUMN = "input_label"
"""Where `sentiment rescore` keeps the label that a file had."""
_FEWEST_OF_A_LABEL = 10
_SEED = 13


class LabelScore(msgspec.Struct, frozen=True, kw_only=True):
    """How far a row's label can be trusted: `score` is its probability, in [0, 1]. `row` counts from 1.

    `likeliest` is the label that the probabilities speak for.
    """

    row: int
    label: str
    likeliest: str
    score: float
    suspect: bool


@dataclass(frozen=True, slots=True)
class CheckedLabels:
    """A score for every row, in order, and the rows whose label is suspected, the most certain first."""

    scores: list[LabelScore]
    suspected: list[Candidate]


def check_labels(
    path: Path,
    model: ModelSettings,
    progress: Progress,
    layout: RowLayout = USUAL_LAYOUT,
    *,
    cross_validate: bool = False,
) -> CheckedLabels:
    """Check the labels of the rows in `path`.

    A labelled file that `sentiment rescore` scored has all that is needed. Any other file is scored here: by the model
    or, to `cross_validate`, by heads on the model's features, each of which has not seen the labels that it judges.

    Raises:
        InputError: rows have no label or an unknown one.
        ModelError: the model cannot be loaded.
    """
    if cross_validate:
        return _checked(path, _cross_validated(path, model, progress, layout))
    columns = set(read_rows(path, (layout.text,), layout.reading).columns)
    known = layout.label == USUAL_LAYOUT.label and not layout.labels and columns.issuperset(PROBABILITY_COLUMNS)
    return _checked(path, _rescored(path, layout) if known else _scored_now(path, model, progress, layout))


def _checked(path: Path, candidates: Sequence[Candidate]) -> CheckedLabels:
    labels = [LABELS.index(candidate.given) for candidate in candidates if candidate.given in LABELS]
    if len(labels) < len(candidates) or not candidates:
        raise InputError(f"{path} has rows without one of the labels {', '.join(LABELS)}")
    found = [int(place) for place in suspects(labels, [candidate.probabilities for candidate in candidates])]
    suspected = set(found)
    scores = [
        LabelScore(
            row=candidate.row,
            label=LABELS[label],
            likeliest=LABELS[candidate.probabilities.index(max(candidate.probabilities))],
            score=candidate.probabilities[label],
            suspect=place in suspected,
        )
        for place, (label, candidate) in enumerate(zip(labels, candidates, strict=True))
    ]
    return CheckedLabels(scores, list({candidates[place].item: candidates[place] for place in found}.values()))


def _rescored(path: Path, layout: RowLayout) -> list[Candidate]:
    return list(
        from_rescored(read_rows(path, (layout.text, _GIVEN_COLUMN), layout.reading), layout.text, _GIVEN_COLUMN)
    )


def _scored_now(path: Path, model: ModelSettings, progress: Progress, layout: RowLayout) -> list[Candidate]:
    examples = read_examples(path, layout)
    classifier = load_configured(model)
    probabilities = probabilities_of(classifier, [example.text for example in examples], progress=progress)
    return _candidates(examples, probabilities, classifier.model.version)


def _cross_validated(path: Path, model: ModelSettings, progress: Progress, layout: RowLayout) -> list[Candidate]:
    from sentiment.model.torch_backend import load_pretrained
    from training.evaluation.features import features_of
    from training.evaluation.frozen_head import cross_validated

    examples = read_examples(path, layout)
    labels = np.array([example.label for example in examples])
    if min(np.bincount(labels, minlength=len(LABELS))) < _FEWEST_OF_A_LABEL:
        raise InputError(f"{path} has fewer than {_FEWEST_OF_A_LABEL} rows of a label, too few to cross-validate")
    directory = locate(model.path, model.label_map or None)
    features = features_of(
        load_pretrained(directory.path),
        TextTokenizer.from_file(directory.path / TOKENIZER_FILE),
        [example.text for example in examples],
        max_length=directory.max_length,
        progress=progress,
    )
    return _candidates(examples, cross_validated(features, labels, seed=_SEED), directory.ref.version)


def _candidates(examples: Sequence[Example], probabilities: Floats, version: str) -> list[Candidate]:
    return [
        Candidate(
            item=item_id(example.text),
            text=example.text,
            product=example.product or "unknown",
            probabilities=(float(answer[0]), float(answer[1]), float(answer[2])),
            model_version=version,
            given=LABELS[example.label],
            row=row,
        )
        for row, (example, answer) in enumerate(zip(examples, probabilities, strict=True), 1)
    ]
