"""Find wrong labels in a labelled file, with the predictions that it has or with those of a model."""

from __future__ import annotations

from pathlib import Path

from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.loading import load_configured
from sentiment.progress import Progress
from sentiment.settings import ModelSettings
from training.data.examples import USUAL_LAYOUT, RowLayout, read_examples
from training.data.rows import read_rows
from training.evaluation.predicting import probabilities_of
from training.review.candidates import PROBABILITY_COLUMNS, Candidate, from_rescored, item_id
from training.review.label_errors import suspects

_GIVEN_COLUMN = "input_label"
"""Where `sentiment rescore` keeps the label that a file had."""


def suspected_candidates(
    path: Path, model: ModelSettings, progress: Progress, layout: RowLayout = USUAL_LAYOUT
) -> tuple[int, list[Candidate]]:
    """The number of labelled rows in `path`, and those whose label is suspected, the most certain first.

    A labelled file that `sentiment rescore` scored has all that is needed. Any other file is scored here.

    Raises:
        InputError: rows have no label or an unknown one.
        ModelError: the model cannot be loaded.
    """
    columns = set(read_rows(path, (layout.text,), layout.reading).columns)
    known = layout.label == USUAL_LAYOUT.label and not layout.labels and columns.issuperset(PROBABILITY_COLUMNS)
    candidates = _rescored(path, layout) if known else _scored_now(path, model, progress, layout)
    labels = [LABELS.index(candidate.given) for candidate in candidates if candidate.given in LABELS]
    if len(labels) < len(candidates) or not candidates:
        raise InputError(f"{path} has rows without one of the labels {', '.join(LABELS)}")
    found = suspects(labels, [candidate.probabilities for candidate in candidates])
    unique = {candidates[place].item: candidates[place] for place in found}
    return len(candidates), list(unique.values())


def _rescored(path: Path, layout: RowLayout) -> list[Candidate]:
    return list(
        from_rescored(read_rows(path, (layout.text, _GIVEN_COLUMN), layout.reading), layout.text, _GIVEN_COLUMN)
    )


def _scored_now(path: Path, model: ModelSettings, progress: Progress, layout: RowLayout) -> list[Candidate]:
    examples = read_examples(path, layout)
    classifier = load_configured(model)
    probabilities = probabilities_of(classifier, [example.text for example in examples], progress=progress)
    return [
        Candidate(
            item=item_id(example.text),
            text=example.text,
            product=example.product or "unknown",
            probabilities=(float(answer[0]), float(answer[1]), float(answer[2])),
            model_version=classifier.model.version,
            given=LABELS[example.label],
        )
        for example, answer in zip(examples, probabilities, strict=True)
    ]
