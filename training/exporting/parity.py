"""How far each form of an exported model is from the trained network, both as served."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentiment.model.loading import load_model
from sentiment.progress import Progress, Silent
from sentiment.statistics import macro_f1
from training.data.examples import USUAL_LAYOUT, RowLayout, read_examples, read_texts
from training.data.rows import read_rows
from training.evaluation.predicting import Answers, answers_of

# Texts that are also scored one by one, which costs several times as much.
N_ALONE = 300


class FormParity(msgspec.Struct, frozen=True, kw_only=True):
    """One form against fp32 on torch, on `n_texts` texts, each with its own temperature.

    Differences are of single probabilities. `macro_f1_difference` is form − fp32, None without labels. `alone_*`
    compare a text alone with the same text in a batch, on the first ``N_ALONE``.
    """

    backend: str
    n_texts: int
    label_agreement: float
    max_difference: float
    mean_difference: float
    macro_f1: float | None
    macro_f1_difference: float | None
    alone_label_agreement: float
    alone_max_difference: float


def measure_parity(
    checkpoint: Path,
    directory: Path,
    forms: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[int] | None,
    *,
    progress: Progress | None = None,
) -> dict[str, FormParity]:
    """Each of `forms` of the exported model in `directory` against its `checkpoint` in fp32 on torch.

    `texts` are redacted. `labels` are in 0 … 2, or None.
    """
    shown = progress or Silent()
    truth = None if labels is None else np.asarray(labels)
    reference = _answers(checkpoint, "torch", None, texts, shown)[1]
    report = {}
    for form in forms:
        backend, served = _answers(directory, "openvino", form, texts, shown)
        alone = _alone(directory, form, texts[:N_ALONE])
        report[form] = _compare(backend, served, reference, truth, alone)
    return report


def _compare(
    backend: str,
    served: Answers,
    reference: Answers,
    truth: NDArray[np.int64] | None,
    alone: Answers,
) -> FormParity:
    quality = None if truth is None else macro_f1(truth, served.chosen)
    difference = None if truth is None or quality is None else quality - macro_f1(truth, reference.chosen)
    apart = np.abs(served.probabilities - reference.probabilities)
    n_alone = len(alone.chosen)
    return FormParity(
        backend=backend,
        n_texts=len(served.chosen),
        label_agreement=float((served.chosen == reference.chosen).mean()),
        max_difference=float(apart.max()),
        mean_difference=float(apart.mean()),
        macro_f1=quality,
        macro_f1_difference=difference,
        alone_label_agreement=float((alone.chosen == served.chosen[:n_alone]).mean()),
        alone_max_difference=float(np.abs(alone.probabilities - served.probabilities[:n_alone]).max()),
    )


def _answers(
    directory: Path, backend: str, form: str | None, texts: Sequence[str], progress: Progress
) -> tuple[str, Answers]:
    classifier = load_model(directory, backend="torch" if backend == "torch" else "openvino", form=form)
    phase = f"parity: {form or backend}"
    return classifier.backend, answers_of(classifier, texts, progress=progress, phase=phase)


def _alone(directory: Path, form: str, texts: Sequence[str]) -> Answers:
    return answers_of(load_model(directory, backend="openvino", form=form, max_batch_items=1), texts)


def read_parity_rows(source: str, layout: RowLayout, most: int) -> tuple[list[str], list[int] | None]:
    """At most `most` texts of a data set, evenly spaced, and their labels if it has any.

    Raises ``InputError`` like ``read_examples``, also if the layout names a column of labels that is not there.
    """
    columns = read_rows(source, (layout.text,), layout.reading).columns
    if layout.label in columns or layout.label != USUAL_LAYOUT.label:
        examples = read_examples(source, layout, most=most)
        return [example.text for example in examples], [example.label for example in examples]
    return read_texts(source, layout.text, most=most, reading=layout.reading), None
