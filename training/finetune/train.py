"""From labelled files to a servable model: fine-tune, export, calibrate, and measure it as it will be served."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sentiment.errors import InputError
from sentiment.model.directory import open_directory
from sentiment.model.manifest import Manifest, write_manifest
from sentiment.progress import Progress, Silent
from sentiment.statistics import macro_f1
from training.augmentation import augment
from training.data.examples import Example, Weighting, describe, read_examples
from training.data.leakage import NEAR_THRESHOLD, Leakage, find_leakage
from training.evaluation.metrics import quality
from training.evaluation.predicting import load_for_judging, probabilities_of
from training.exporting.export import N_CALIBRATION_TEXTS, export_model
from training.finetune.distill import Teaching, ask_teacher
from training.finetune.encoded import SoftTargets
from training.finetune.tracking import Tracker
from training.finetune.trainer import Recipe, fine_tune

_PACKAGES = ("torch", "transformers", "openvino", "nncf", "tokenizers")
_SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What to train from what. `licences` maps a part (backbone, data) to its licence, for the manifest.

    `train` and `validation` are files or hub data sets. With `teaching` the model is also taught by another.
    """

    train: str
    validation: str
    backbone: str
    output: Path
    name: str
    recipe: Recipe
    weighting: Weighting
    licences: dict[str, str]
    teaching: Teaching | None = None
    drop_near_duplicates: bool = False
    tracker: Tracker | None = None


def train_model(job: TrainingJob, *, resume: bool = False, progress: Progress | None = None) -> Manifest:
    """Write the model directory `job.output`; work in progress lies in `OUTPUT.training` until it is complete.

    The temperature is fitted on the validation set, which also serves for selection: figures on it are a little
    optimistic, and the manifest says on which data they are.

    Raises:
        InputError: bad data, an existing output, nothing to resume, or something else to resume than was begun.
        ModelError: the backbone or the teacher cannot be loaded.
    """
    shown = progress or Silent()
    if job.output.exists():
        raise InputError(f"{job.output} exists", hint="remove it or name another --output")
    work = job.output.with_name(job.output.name + ".training")
    if work.exists() and not resume:
        raise InputError(f"{work} holds an unfinished run", hint="go on with --resume, or remove it")
    validation = read_examples(job.validation)
    everything = read_examples(job.train)
    train, leakage = _without_leaks(job, everything, validation, shown)
    if resume and not work.exists():
        raise InputError(f"there is nothing to resume: {work} does not exist", hint="run without --resume")
    train += augment(train, job.recipe.augment, seed=job.recipe.seed)
    data = {"train": describe(train), "validation": describe(validation)}
    _same_run(work, job, data)
    soft: SoftTargets | None = None
    distillation: dict[str, Any] = {}
    if job.teaching is not None:
        soft, record = ask_teacher(job.teaching, train, validation, work / "teacher", progress=shown)
        distillation = {"distillation": record}
    # A finished fine-tuning whose export was interrupted is not repeated.
    if not (work / "model.safetensors").is_file():
        fine_tune(
            job.backbone,
            train,
            validation,
            work,
            recipe=job.recipe,
            weighting=job.weighting,
            resume=_has_steps(work),
            soft=soft,
            tracker=job.tracker,
            progress=shown,
        )
    shown.say("exporting for the CPU runtime")
    manifest = export_model(
        work,
        job.output,
        calibration_texts=[example.text for example in train[:: max(1, len(train) // N_CALIBRATION_TEXTS)]],
        name=job.name,
        backbone=_public_name(job.backbone),
        temperature_texts=[example.text for example in validation],
        temperature_labels=[example.label for example in validation],
        training={
            "recipe": asdict(job.recipe),
            "weighting": asdict(job.weighting),
            "leakage": leakage,
            "versions": {package: importlib.metadata.version(package) for package in _PACKAGES},
            **distillation,
        },
        data=data,
        licences=job.licences,
    )
    manifest = msgspec.structs.replace(manifest, metrics={"validation": measure_as_served(job.output, validation)})
    write_manifest(job.output, manifest)
    shutil.rmtree(work)
    return manifest


def measure_as_served(model: Path, examples: Sequence[Example]) -> dict[str, Any]:
    """Quality on `examples` of each form of the weights in a model directory, torch's (called fp32) among them.

    Macro-F1, macro-recall, ECE and Brier score; by source, and the share of labels that are those of fp32, for the
    form that is served by default.
    """
    labels = np.array([example.label for example in examples])
    texts = [example.text for example in examples]
    fp32 = probabilities_of(load_for_judging(model, "torch"), texts)
    measured: dict[str, Any] = {"fp32": quality(fp32, labels)}
    form = next(iter(open_directory(model).openvino_files), "fp32")
    served = fp32 if form == "fp32" else probabilities_of(load_for_judging(model, "openvino"), texts)
    if form != "fp32":
        measured[form] = quality(served, labels)
        measured[f"{form}_agrees_with_fp32"] = float((served.argmax(axis=1) == fp32.argmax(axis=1)).mean())
    sources = sorted({example.source for example in examples})
    of_source = {source: np.array([example.source == source for example in examples]) for source in sources}
    by_source = {source: macro_f1(labels[rows], served[rows].argmax(axis=1)) for source, rows in of_source.items()}
    return {**measured, f"{form}_macro_f1_by_source": by_source}


def _without_leaks(
    job: TrainingJob, train: Sequence[Example], validation: Sequence[Example], progress: Progress
) -> tuple[list[Example], dict[str, Any]]:
    progress.begin("looking for validation rows in the training data", len(train))
    found = find_leakage(train, validation, progress=progress.at)
    dropped = found.rows(near=job.drop_near_duplicates)
    kept = [example for row, example in enumerate(train) if row not in dropped]
    if not kept:
        raise InputError(f"every row of {job.train} is in {job.validation} too", hint="hold other rows out")
    for kind, leaks in (("exactly", found.exact), ("nearly", found.near)):
        if leaks:
            fate = "left out" if kind == "exactly" or job.drop_near_duplicates else "kept (see --drop-near-duplicates)"
            rows = ", ".join(str(leak.train_row + 1) for leak in leaks[:_SHOWN_ROWS])
            more = ", …" if len(leaks) > _SHOWN_ROWS else ""
            progress.say(f"{len(leaks):,} training rows are {kind} in the validation data: {fate} (rows {rows}{more})")
    return kept, _record(found, len(dropped))


def _record(found: Leakage, dropped: int) -> dict[str, Any]:
    """For the manifest: rows count from 1, as in messages."""
    return {
        "exact_rows": [leak.train_row + 1 for leak in found.exact],
        "near_rows": [leak.train_row + 1 for leak in found.near],
        "near_threshold": NEAR_THRESHOLD,
        "dropped": dropped,
    }


def _same_run(work: Path, job: TrainingJob, data: dict[str, Any]) -> None:
    """Remember what is being made, so that nothing else is made of it by a resumption."""
    teaching = (
        None if job.teaching is None else [job.teaching.teacher, job.teaching.temperature, job.teaching.hard_share]
    )
    prints = [part["fingerprint"] for part in data.values()]
    now = json.dumps([job.backbone, asdict(job.recipe), asdict(job.weighting), prints, teaching], sort_keys=True)
    begun = work / "run.json"
    if begun.is_file() and begun.read_text() != now:
        raise InputError(
            f"{work} holds a run with other data, another backbone or another recipe",
            hint="give the flags that it was begun with, or remove it",
        )
    work.mkdir(parents=True, exist_ok=True)
    begun.write_text(now)


def _has_steps(work: Path) -> bool:
    return any((work / "steps").glob("checkpoint-*"))


def _public_name(backbone: str) -> str:
    """A hub id as it is; of a directory only its name, because a manifest travels."""
    path = Path(backbone)
    return path.absolute().name if path.is_dir() else backbone
