"""From labelled files to a servable model: fine-tune, export, calibrate, and measure it as it will be served."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from sentiment.errors import ConfigurationError, InputError
from sentiment.model.manifest import Manifest, write_manifest
from sentiment.progress import Progress, Silent
from training.cards.nested import flat
from training.evaluation.as_served import measure_as_served
from training.exporting.export import N_CALIBRATION_TEXTS, ExportPlan, Provenance, export_model
from training.finetune.backbones import require_length
from training.finetune.distill import ask_teachers, fingerprint_of_texts, require_teachers
from training.finetune.encoded import SoftTargets
from training.finetune.facts import asked, public_name, recipe_of, results, versions
from training.finetune.few_shot import FEW, are_few, train_head
from training.finetune.job import TrainingJob
from training.finetune.prepare import PreparedRows, prepare_rows, weighting_doubts
from training.finetune.running import is_first_process, n_processes
from training.finetune.tracking import TrackedRun, tracked
from training.finetune.trainer import FineTuning, Student, fine_tune, load_student
from training.finetune.work import (
    RECORD_FILE,
    STEPS_FOLDER,
    TEACHER_FOLDER,
    TRAINED_FILE,
    kept_if_resumable,
    require_work,
    saved,
)


def train_model(job: TrainingJob, *, resume: bool = False, progress: Progress | None = None) -> Manifest | None:
    """Write the model directory `job.output`. Work in progress is kept in `OUTPUT.training` until it is complete, as
    soon as there is something to resume. Of several processes (``running``) only the first one writes, and gets the
    manifest.

    The temperature is fitted on the validation set, which also selects the weights: figures on it are a little
    optimistic, and the manifest says which data they are from.

    Raises:
        InputError: bad data, an existing output, nothing to resume, or a run that was begun with other settings.
        ModelError: the backbone or the teacher cannot be loaded.
    """
    shown = (progress if is_first_process() else None) or Silent()
    job.running.require()
    if n_processes() > 1:
        job = _together(job)
    work = require_work(job.output, resume=resume)
    # Whatever can be wrong with them shows before a row is read.
    require_length(job.backbone, job.recipe.max_length)
    if job.teaching is not None:
        require_teachers(job.teaching)
    if job.tracker is not None:
        job.tracker.require()
    # A finished fine-tuning whose export was interrupted is not repeated.
    student = None if (work / TRAINED_FILE).is_file() else load_student(job.backbone, job.recipe)
    if resume:
        shown.say(f"going on from {saved(work) or 'the beginning: nothing was saved'}")
    if not is_first_process():
        _help(job, work, student)
        return None
    with kept_if_resumable(work):
        return _train(job, work, student, shown)


def _together(job: TrainingJob) -> TrainingJob:
    """The job for one of several processes. Raises ``ConfigurationError`` if it is one for a single process."""
    for alone, what in ((job.teaching is not None, "distillation"), (job.few_shot, "training from few labels")):
        if alone:
            raise ConfigurationError(f"{what} runs in one process", hint="start it without torchrun")
    return replace(job, few_shot=False)


def _help(job: TrainingJob, work: Path, student: Student | None) -> None:
    """Compute a share of the fine-tuning that the first process runs."""
    if student is not None:
        rows = prepare_rows(job, Silent())
        fine_tune(_fine_tuning(job, work, rows), resume=_has_steps(work), student=student)


def _fine_tuning(
    job: TrainingJob,
    work: Path,
    rows: PreparedRows,
    soft: SoftTargets | None = None,
    track: TrackedRun | None = None,
) -> FineTuning:
    return FineTuning(
        job.backbone,
        rows.train,
        rows.validation,
        work,
        job.recipe,
        job.weighting,
        soft=soft,
        track=track,
        running=job.running,
    )


def _train(job: TrainingJob, work: Path, student: Student | None, shown: Progress) -> Manifest:
    rows = prepare_rows(job, shown)
    for doubt in weighting_doubts(job.weighting, rows.train):
        shown.say(doubt)
    if job.few_shot is None:
        job = replace(job, few_shot=are_few(rows.train))
        if job.few_shot:
            shown.say(f"a label has at most {FEW} rows: training the head alone (see --few-shot)")
    _claim(work, job, rows)
    with tracked(job.tracker, work, job.name, shown) as track:
        track.parameters(flat(asked(job, rows)))
        soft: SoftTargets | None = None
        distillation: dict[str, Any] = {}
        if job.teaching is not None:
            soft, distillation["distillation"] = ask_teachers(
                job.teaching, rows.train, rows.unlabelled, work / TEACHER_FOLDER, progress=shown
            )
            track.parameters(flat(distillation))
        if student is not None:
            run = _fine_tuning(job, work, rows, soft, track)
            if job.few_shot:
                train_head(run, student, shown)
            else:
                fine_tune(run, resume=_has_steps(work), progress=shown, student=student)
        shown.say("exporting for the CPU runtime")
        manifest = _export(job, work, rows, distillation, shown)
        track.model(job.output, manifest, results(manifest))
    shutil.rmtree(work)
    return manifest


def _claim(work: Path, job: TrainingJob, rows: PreparedRows) -> None:
    """Note what is being made, so that a resumed run cannot make something else of it."""
    told = job.teaching
    teaching = None if told is None else [list(told.teachers), told.temperature, told.hard_share]
    prints = [part["fingerprint"] for part in rows.description().values()]
    prints.append(fingerprint_of_texts(rows.unlabelled))
    now = json.dumps(
        [job.backbone, asdict(job.recipe), asdict(job.weighting), prints, teaching, job.few_shot], sort_keys=True
    )
    begun = work / "run.json"
    if begun.is_file() and begun.read_text() != now:
        raise InputError(
            f"{work} holds a run with other data, another backbone or another recipe",
            hint="give the flags that it was begun with, or remove it",
        )
    work.mkdir(parents=True, exist_ok=True)
    begun.write_text(now)


def _has_steps(work: Path) -> bool:
    return any((work / STEPS_FOLDER).glob("checkpoint-*"))


def _export(
    job: TrainingJob, work: Path, rows: PreparedRows, distillation: dict[str, Any], shown: Progress
) -> Manifest:
    """Export the checkpoint in `work` to `job.output`, with its quality as served in the manifest."""
    every = max(1, len(rows.train) // N_CALIBRATION_TEXTS)
    plan = ExportPlan([example.text for example in rows.train[::every]], temperature_rows=rows.validation)
    record = json.loads((work / RECORD_FILE).read_text())
    training = {
        "recipe": recipe_of(job),
        "weighting": asdict(job.weighting),
        "run": record,
        "leakage": rows.leakage,
        "versions": versions(),
        **distillation,
    }
    origin = Provenance(job.name, public_name(job.backbone), training, rows.description(), job.licences)
    manifest = export_model(work, job.output, plan, origin)
    metrics = {"validation": measure_as_served(job.output, rows.validation, shown)}
    manifest = msgspec.structs.replace(manifest, metrics=metrics)
    write_manifest(job.output, manifest)
    return manifest
