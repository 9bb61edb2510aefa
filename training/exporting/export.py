"""Export a fine-tuned checkpoint to the model directory that is served.

The directory holds the same network several times: as fp16 safetensors for torch (widened to fp32 on load), and as an
OpenVINO graph in each form that is asked for. CPUs serve int8 by default: a quarter of the size, with scales fixed here
from calibration texts. bf16 is stored as fp16 and computed in bfloat16 where the processor supports it, otherwise in
fp32. fp32 is exact. An architecture that OpenVINO cannot compute is served by torch, and the manifest says why.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.directory import ModelDirectory, open_directory
from sentiment.model.files import has_file
from sentiment.model.manifest import (
    MANIFEST_FILE,
    TOKENIZER_FILE,
    Calibration,
    Manifest,
    hash_files,
    load_manifest,
    version_of,
    write_manifest,
)
from sentiment.model.tokenizer import TextTokenizer
from sentiment.model.torch_backend import load_pretrained
from sentiment.progress import Progress
from training.data.examples import USUAL_LAYOUT, Example, RowLayout, read_texts
from training.exporting.files import (
    Form,
    calibration_samples,
    make_readable,
    write_graphs,
    write_half,
    write_tokenizer,
)
from training.exporting.parity import measure_parity, read_parity_rows
from training.exporting.temperatures import fit_calibration, set_calibration

N_CALIBRATION_TEXTS = 400


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Which forms to write, and the redacted texts that this takes.

    `calibration_texts` fix the int8 scales: a few hundred texts like those that will be served. No more than
    ``N_CALIBRATION_TEXTS`` are read. `max_length` (tokens) is lowered to what the network can take. Each form gets the
    temperature that fits `temperature_rows` as served; without rows it is 1.
    """

    calibration_texts: Sequence[str]
    forms: Sequence[Form] = ("int8",)
    max_length: int = 128
    temperature_rows: Sequence[Example] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the manifest says about where a model comes from. The fields are those of ``Manifest``."""

    name: str
    backbone: str
    training: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What to export from where. The files are data sets, as `layout` says; labels are optional."""

    checkpoint: Path
    output: Path
    forms: tuple[Form, ...]
    calibration_file: str
    parity_file: str | None
    parity_rows: int
    name: str
    max_length: int
    layout: RowLayout = USUAL_LAYOUT


def export_checkpoint(job: ExportJob, *, progress: Progress) -> Manifest:
    """Export, and record in the manifest's metrics, under `parity`, how far each form is from fp32.

    If the checkpoint has a manifest, its backbone, data and licences are kept. So are its decision and, for every
    form until one is fitted for each, its fp32 temperature.
    """
    texts = read_texts(job.calibration_file, job.layout.text, most=N_CALIBRATION_TEXTS, reading=job.layout.reading)
    progress.say(f"exporting {', '.join(job.forms)}")
    known = load_manifest(job.checkpoint) if has_file(job.checkpoint / MANIFEST_FILE) else None
    plan = ExportPlan(texts, forms=job.forms, max_length=job.max_length)
    manifest = export_model(job.checkpoint, job.output, plan, _provenance(job, known))
    if known:
        kept = known.calibration.temperature_fp32
        manifest = msgspec.structs.replace(manifest, decision=known.decision)
        same = Calibration(temperature_fp32=kept, temperature_bf16=kept, temperature_int8=kept)
        manifest = set_calibration(job.output, manifest, same)
    if job.parity_file is None:
        return manifest
    rows, labels = read_parity_rows(job.parity_file, job.layout, job.parity_rows)
    forms = manifest.training["export"]["forms"]
    parity = measure_parity(job.checkpoint, job.output, forms, rows, labels, progress=progress)
    manifest = msgspec.structs.replace(manifest, metrics={"parity": msgspec.to_builtins(parity)})
    write_manifest(job.output, manifest)
    return manifest


def export_model(checkpoint: Path, output: Path, plan: ExportPlan, provenance: Provenance) -> Manifest:
    """Write the model directory `output` from a transformers checkpoint. An existing directory is replaced.

    `checkpoint` has config.json with the three labels in the order of ``LABELS``, a tokenizer and fp32 safetensors. The
    version is derived from the files and the temperatures. The manifest's `training` gets a record `export`: the forms
    that were written, and why others could not be.

    Raises:
        InputError: there are no calibration texts for the forms, or the labels are in another order.
    """
    opened = _checked(checkpoint, plan)
    max_length = min(plan.max_length, opened.max_length)
    staging = output.with_name(output.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    model = load_pretrained(checkpoint)
    write_tokenizer(checkpoint, staging)
    write_half(model, checkpoint, staging)
    tokenizer = TextTokenizer.from_file(staging / TOKENIZER_FILE)
    texts = plan.calibration_texts[:N_CALIBRATION_TEXTS]
    samples = calibration_samples(texts, tokenizer, max_length, opened.pad_id)
    missing = write_graphs(model, samples, opened.pad_id, plan.forms, staging)
    make_readable(staging)
    record = {"forms": [form for form in plan.forms if form not in missing], **missing}
    manifest = _manifest(staging, provenance, model.config.architectures[0], max_length, record)
    write_manifest(staging, manifest)
    if plan.temperature_rows:
        manifest = set_calibration(staging, manifest, fit_calibration(staging, plan.temperature_rows))
    shutil.rmtree(output, ignore_errors=True)
    staging.rename(output)
    return manifest


def _checked(checkpoint: Path, plan: ExportPlan) -> ModelDirectory:
    if plan.forms and not plan.calibration_texts:
        raise InputError("an export needs calibration texts")
    opened = open_directory(checkpoint)
    if opened.targets != tuple(range(len(LABELS))):
        raise InputError(f"{checkpoint}: id2label must be {', '.join(LABELS)}, in this order")
    return opened


def _manifest(
    directory: Path, provenance: Provenance, architecture: str, max_length: int, export: Mapping[str, Any]
) -> Manifest:
    files = hash_files(directory)
    return Manifest(
        name=provenance.name,
        version=version_of(files),
        files=files,
        max_length=max_length,
        architecture=architecture,
        backbone=provenance.backbone,
        training={**provenance.training, "export": export},
        data=dict(provenance.data),
        licences=dict(provenance.licences),
    )


def _provenance(job: ExportJob, known: Manifest | None) -> Provenance:
    if known is None:
        return Provenance(job.name, job.checkpoint.resolve().name)
    return Provenance(job.name, known.backbone, known.training, known.data, known.licences)
