"""How a model errs about negative texts, from the evaluation in its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from sentiment.errors import ModelError
from sentiment.events import LABELS, ModelRef
from sentiment.model.loading import is_shipped, shipped_model_path
from sentiment.model.manifest import OPENVINO_FILES, Manifest, load_manifest
from sentiment.model.registry import Registry, is_registry
from sentiment.spikes.prevalence import ModelErrors

_FORMS = (*OPENVINO_FILES, "fp32")
_NEGATIVE = LABELS.index("negative")

_Counts = tuple[int, int, int]


class _Evaluation(msgspec.Struct):
    confusion: tuple[_Counts, _Counts, _Counts]


def errors_of(place: str, ref: ModelRef) -> ModelErrors | None:
    """The errors of the model version `ref`, if `place` (a directory, a registry, or the shipped model) has it.

    None if it does not, or if nobody has recorded an evaluation in the manifest. A hub id is not asked.
    """
    for directory in _directories(place):
        try:
            manifest = load_manifest(directory)
        except ModelError:
            continue
        if manifest.ref() == ref:
            return _measured(manifest)
    return None


def _directories(place: str) -> Iterator[Path]:
    if not place or is_shipped(place):
        yield shipped_model_path()
        return
    path = Path(place).expanduser()
    if not is_registry(path):
        yield path
        return
    try:
        yield from (version.path for version in Registry(path).versions())
    except ModelError:
        return


def _measured(manifest: Manifest) -> ModelErrors | None:
    """From the evaluation of the form that is served first."""
    evaluations: Any = manifest.metrics.get("evaluation")
    if not isinstance(evaluations, dict):
        return None
    for form in _FORMS:
        try:
            table = msgspec.convert(evaluations.get(form), _Evaluation).confusion
        except msgspec.ValidationError:
            continue
        negative = table[_NEGATIVE]
        others = [row for label, row in enumerate(table) if label != _NEGATIVE]
        n_negative, n_other = sum(negative), sum(map(sum, others))
        if n_negative and n_other:
            false = sum(row[_NEGATIVE] for row in others)
            return ModelErrors(negative[_NEGATIVE] / n_negative, n_negative, false / n_other, n_other)
    return None
