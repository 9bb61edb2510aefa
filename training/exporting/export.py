"""A fine-tuned checkpoint to the model directory that is served.

The directory holds the same network several times: as fp16 safetensors for torch (widened on load), and as a graph for
OpenVINO in each of the forms that are asked for. int8 is what CPUs serve by default: a quarter of the size, with scales
that are fixed here, from calibration texts. bf16 is stored as fp16 and computed in bfloat16 where the processor has it,
else in fp32. fp32 is exact. An architecture that OpenVINO cannot compute is served by torch, and the manifest says why.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import openvino as ov
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, PreTrainedModel

from sentiment.calibration import fit_temperature
from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.directory import open_directory
from sentiment.model.loading import load_model
from sentiment.model.manifest import (
    CONFIG_FILE,
    MANIFEST_FILE,
    OPENVINO_FILES,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
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
from training.data.examples import read_texts
from training.exporting.graphs import Sample, Unconvertible, quantise, to_graph
from training.exporting.parity import measure_parity, read_parity_rows

Form = Literal["int8", "bf16", "fp32"]

N_CALIBRATION_TEXTS = 400
_TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
# Readable by whoever serves the model; safetensors makes files for their owner alone.
_FILE_MODE, _DIRECTORY_MODE = 0o644, 0o755


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What to export from where. The files are data sets with texts in `text_field`; labels are optional."""

    checkpoint: Path
    output: Path
    forms: tuple[Form, ...]
    calibration_file: str
    parity_file: str | None
    parity_rows: int
    text_field: str
    name: str
    max_length: int


def export_checkpoint(job: ExportJob, *, progress: Progress) -> Manifest:
    """Export, and measure how far each form is from fp32: in the manifest's metrics, under `parity`.

    What the checkpoint's own manifest says of backbone, data and licences goes along, and its temperature of fp32 for
    every form, until one is fitted for each.
    """
    texts = read_texts(job.calibration_file, job.text_field, most=N_CALIBRATION_TEXTS)
    progress.say(f"exporting {', '.join(job.forms)}")
    known = load_manifest(job.checkpoint) if (job.checkpoint / MANIFEST_FILE).is_file() else None
    manifest = export_model(
        job.checkpoint,
        job.output,
        calibration_texts=texts,
        name=job.name,
        backbone=known.backbone if known else job.checkpoint.resolve().name,
        forms=job.forms,
        max_length=job.max_length,
        training=known.training if known else None,
        data=known.data if known else None,
        licences=known.licences if known else None,
    )
    if known:
        kept = known.calibration.temperature_fp32
        same = Calibration(temperature_fp32=kept, temperature_bf16=kept, temperature_int8=kept)
        manifest = set_calibration(job.output, manifest, same)
    if job.parity_file is None:
        return manifest
    rows, labels = read_parity_rows(job.parity_file, job.text_field, job.parity_rows)
    forms = manifest.training["export"]["forms"]
    parity = measure_parity(job.checkpoint, job.output, forms, rows, labels, progress=progress)
    manifest = msgspec.structs.replace(manifest, metrics={"parity": msgspec.to_builtins(parity)})
    write_manifest(job.output, manifest)
    return manifest


def export_model(
    checkpoint_dir: Path,
    out_dir: Path,
    *,
    calibration_texts: Sequence[str],
    name: str,
    backbone: str,
    forms: Sequence[Form] = ("int8",),
    max_length: int = 128,
    temperature_texts: Sequence[str] = (),
    temperature_labels: Sequence[int] = (),
    training: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    licences: Mapping[str, str] | None = None,
) -> Manifest:
    """Write the model directory `out_dir` (made anew, an old one is replaced) from a checkpoint of transformers.

    `checkpoint_dir` has config.json with the three labels in the order of ``LABELS``, a tokenizer and fp32
    safetensors. All texts are redacted; they are normalised here. `calibration_texts` (a few hundred, like what will
    be served) fix the int8 scales; no more than ``N_CALIBRATION_TEXTS`` are read. `max_length` is cut to what the
    network can take. On `temperature_texts` with `temperature_labels` (0, 1, 2) each form of the weights gets its own
    temperature, as served; without them it is 1. The version is derived from the files and the temperatures.
    `training` gets a record `export`: the forms that were written, and why others could not be.
    """
    if not calibration_texts or len(temperature_texts) != len(temperature_labels):
        raise InputError("an export needs calibration texts, and a label for every temperature text")
    source = open_directory(checkpoint_dir)
    if source.targets != tuple(range(len(LABELS))):
        raise InputError(f"{checkpoint_dir}: id2label must be {', '.join(LABELS)}, in this order")
    max_length = min(max_length, source.max_length)
    staging = out_dir.with_name(out_dir.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    model = load_pretrained(checkpoint_dir)
    _write_tokenizer(checkpoint_dir, staging)
    _write_half(model, checkpoint_dir, staging)
    tokenizer = TextTokenizer.from_file(staging / TOKENIZER_FILE)
    samples = list(_samples(calibration_texts[:N_CALIBRATION_TEXTS], tokenizer, max_length, source.pad_id))
    missing = _write_graphs(model, samples, source.pad_id, forms, staging)
    _open_to_readers(staging)
    files = hash_files(staging)
    manifest = Manifest(
        name=name,
        version=version_of(files),
        files=files,
        max_length=max_length,
        architecture=model.config.architectures[0],
        backbone=backbone,
        training={**(training or {}), "export": {"forms": [form for form in forms if form not in missing], **missing}},
        metrics=dict(metrics or {}),
        data=dict(data or {}),
        licences=dict(licences or {}),
    )
    write_manifest(staging, manifest)
    if temperature_texts:
        manifest = set_calibration(staging, manifest, fit_calibration(staging, temperature_texts, temperature_labels))
    shutil.rmtree(out_dir, ignore_errors=True)
    staging.rename(out_dir)
    return manifest


def fit_calibration(directory: Path, texts: Sequence[str], labels: Sequence[int]) -> Calibration:
    """The temperature of each form in `directory`, on redacted `texts` with `labels`, as it is served."""
    graphs = open_directory(directory).openvino_files

    def fit(form: str) -> float:
        return fit_temperature(load_model(directory, backend="openvino", form=form).logits(texts), labels)

    fitted = {f"temperature_{form}": fit(form) for form in graphs if form != "fp32"}
    fp32 = fit_temperature(load_model(directory, backend="torch").logits(texts), labels)
    return Calibration(temperature_fp32=fp32, **fitted)


def set_calibration(directory: Path, manifest: Manifest, calibration: Calibration) -> Manifest:
    """Write `calibration` into the manifest of `directory`; the version changes with it, because the answers do."""
    temperatures = {key: str(value) for key, value in msgspec.to_builtins(calibration).items()}
    updated = msgspec.structs.replace(
        manifest, calibration=calibration, version=version_of({**manifest.files, **temperatures})
    )
    write_manifest(directory, updated)
    return updated


def _write_graphs(
    model: PreTrainedModel,
    samples: Sequence[Sample],
    pad_id: int,
    forms: Sequence[Form],
    out: Path,
) -> dict[str, str]:
    """Write the graphs of `forms`, and return why others could not be written."""
    if not forms:
        return {}
    try:
        graph = to_graph(model, samples, pad_id)
    except Unconvertible as error:
        return dict.fromkeys(forms, str(error))
    missing: dict[str, str] = {}
    # int8 last: NNCF changes the graph that it is given.
    for form in sorted(forms, key=lambda form: form == "int8"):
        try:
            made = quantise(graph, samples) if form == "int8" else graph
        except Unconvertible as error:
            missing[form] = str(error)
        else:
            (out / OPENVINO_FILES[form]).parent.mkdir(exist_ok=True)
            ov.save_model(made, out / OPENVINO_FILES[form], compress_to_fp16=form == "bf16")
    return missing


def _open_to_readers(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        path.chmod(_DIRECTORY_MODE if path.is_dir() else _FILE_MODE)


def _write_tokenizer(checkpoint_dir: Path, out_dir: Path) -> None:
    if (checkpoint_dir / TOKENIZER_FILE).is_file():
        shutil.copyfile(checkpoint_dir / TOKENIZER_FILE, out_dir / TOKENIZER_FILE)
    else:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint_dir, local_files_only=True)
        tokenizer.backend_tokenizer.save(str(out_dir / TOKENIZER_FILE))
    if (checkpoint_dir / _TOKENIZER_CONFIG_FILE).is_file():
        shutil.copyfile(checkpoint_dir / _TOKENIZER_CONFIG_FILE, out_dir / _TOKENIZER_CONFIG_FILE)


def _write_half(model: PreTrainedModel, checkpoint_dir: Path, out_dir: Path) -> None:
    """Weights in fp16: half the size, and exact to 2⁻¹¹, far below what moves a label."""
    state = model.state_dict()
    # One copy of weights that go by several names (T5's embeddings); the library ties them again on loading.
    own = {state[key].data_ptr(): key for key in reversed(state)}
    tensors = {key: state[key].to(torch.float16).contiguous() for key in own.values()}
    save_file(tensors, out_dir / WEIGHTS_FILE, metadata={"format": "pt"})
    config = msgspec.json.decode((checkpoint_dir / CONFIG_FILE).read_bytes(), type=dict[str, Any])
    config["dtype"] = "float16"
    config.pop("_name_or_path", None)  # a path on the machine that trained it
    content = msgspec.json.format(msgspec.json.encode(config, order="sorted"), indent=2)
    (out_dir / CONFIG_FILE).write_bytes(content + b"\n")


def _samples(texts: Sequence[str], tokenizer: TextTokenizer, max_length: int, pad_id: int) -> Iterator[Sample]:
    capacity = max_length - len(tokenizer.prefix) - len(tokenizer.suffix)
    for ids in tokenizer.encode(texts):
        window = np.array([[*tokenizer.prefix, *ids[:capacity], *tokenizer.suffix] or [pad_id]], dtype=np.int64)
        yield {"input_ids": window, "attention_mask": np.ones_like(window)}
