"""From labelled files to a servable model: fine-tune, export, calibrate, and measure it as it will be served."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, recall_score

from sentiment.calibration import brier_score, expected_calibration_error
from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.classifier import BackendChoice
from sentiment.model.loading import load
from sentiment.model.manifest import Manifest, write_manifest
from training.data import Example, Weighting, describe, read_examples, without_leakage
from training.export import N_CALIBRATION_TEXTS, export_model
from training.trainer import Recipe, fine_tune

_PACKAGES = ("torch", "transformers", "openvino", "nncf", "tokenizers")


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What to train from what. `licences` maps a part (backbone, data) to its licence, for the manifest."""

    train: Path
    validation: Path
    backbone: str
    output: Path
    name: str
    recipe: Recipe
    weighting: Weighting
    licences: dict[str, str]


def train_model(job: TrainingJob, *, resume: bool = False) -> Manifest:
    """Write the model directory `job.output`; work in progress lies in `OUTPUT.training` until it is complete.

    The temperature is fitted on the validation set, which also serves for selection: figures on it are a little
    optimistic, and the manifest says on which data they are.

    Raises:
        InputError: bad data, an existing output, or nothing to resume.
        ModelError: the backbone cannot be loaded.
    """
    if job.output.exists():
        raise InputError(f"{job.output} exists", hint="remove it or name another --output")
    work = job.output.with_name(job.output.name + ".training")
    if work.exists() and not resume:
        raise InputError(f"{work} holds an unfinished run", hint="go on with --resume, or remove it")
    validation = read_examples(job.validation)
    train, leaked = without_leakage(read_examples(job.train), validation)
    if resume and not work.exists():
        raise InputError(f"there is nothing to resume: {work} does not exist", hint="run without --resume")
    # A finished fine-tuning whose export was interrupted is not repeated.
    if not (work / "model.safetensors").is_file():
        fine_tune(
            job.backbone, train, validation, work, recipe=job.recipe, weighting=job.weighting, resume=_has_steps(work)
        )
    texts = [example.text for example in validation]
    labels = np.array([example.label for example in validation])
    manifest = export_model(
        work,
        job.output,
        calibration_texts=_spread([example.text for example in train], N_CALIBRATION_TEXTS),
        name=job.name,
        backbone=_public_name(job.backbone),
        temperature_texts=texts,
        temperature_labels=labels.tolist(),
        training={
            "recipe": asdict(job.recipe),
            "weighting": asdict(job.weighting),
            "leaked_rows_dropped": leaked,
            "versions": {package: importlib.metadata.version(package) for package in _PACKAGES},
        },
        data={"train": describe(train), "validation": describe(validation)},
        licences=job.licences,
    )
    manifest = msgspec.structs.replace(manifest, metrics={"validation": measure_as_served(job.output, validation)})
    write_manifest(job.output, manifest)
    shutil.rmtree(work)
    return manifest


def measure_as_served(model: Path, examples: Sequence[Example]) -> dict[str, Any]:
    """Quality of both forms of the weights on `examples`: macro-F1, macro-recall, ECE, Brier, by source, agreement."""
    labels = np.array([example.label for example in examples])
    texts = [example.text for example in examples]
    int8, fp32 = (_probabilities(model, texts, choice) for choice in ("openvino", "torch"))
    sources = sorted({example.source for example in examples})
    of_source = {source: np.array([example.source == source for example in examples]) for source in sources}
    return {
        "int8": _quality(int8, labels),
        "fp32": _quality(fp32, labels),
        "int8_agrees_with_fp32": float((int8.argmax(axis=1) == fp32.argmax(axis=1)).mean()),
        "int8_macro_f1_by_source": {
            source: _macro_f1(int8[rows], labels[rows]) for source, rows in of_source.items()
        },
    }  # fmt: skip


def _probabilities(model: Path, texts: Sequence[str], choice: BackendChoice) -> NDArray[np.float64]:
    classifier = load(
        model, choice=choice, threads=0, max_batch_tokens=4096, max_batch_items=64, label_map=None
    )  # fmt: skip
    predictions, _ = classifier.predict(texts)
    return np.array([prediction.probabilities for prediction in predictions])


def _quality(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, Any]:
    chosen = probabilities.argmax(axis=1)
    by_class = f1_score(labels, chosen, average=None, labels=range(len(LABELS)), zero_division=0.0)
    return {
        "n": len(labels),
        "macro_f1": _macro_f1(probabilities, labels),
        "macro_recall": float(recall_score(labels, chosen, average="macro", zero_division=0.0)),
        "f1": dict(zip(LABELS, map(float, by_class), strict=True)),
        "ece": expected_calibration_error(probabilities, labels),
        "brier": brier_score(probabilities, labels),
    }


def _macro_f1(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    return float(f1_score(labels, probabilities.argmax(axis=1), average="macro", zero_division=0.0))


def _spread(texts: Sequence[str], count: int) -> list[str]:
    """`count` texts at even distances, so that every source of an ordered file is among them."""
    step = max(1, len(texts) // count)
    return list(texts[::step][:count])


def _has_steps(work: Path) -> bool:
    return any((work / "steps").glob("checkpoint-*"))


def _public_name(backbone: str) -> str:
    """A hub id as it is; of a directory only its name, because a manifest travels."""
    path = Path(backbone)
    return path.absolute().name if path.is_dir() else backbone
