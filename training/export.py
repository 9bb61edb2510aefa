"""A fine-tuned checkpoint to the model directory that is served.

The directory holds the same network twice: fp16 safetensors for torch (widened on load), and an OpenVINO graph whose
weights and activations are int8 with scales that are fixed here, from calibration texts. NNCF moves the outliers of a
transformer's activations into the weights first (SmoothQuant, Xiao et al. 2023); plain ranges destroy a small BERT.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import nncf
import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from transformers import AutoTokenizer, PreTrainedModel

from sentiment.calibration import fit_temperature
from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.classifier import BackendChoice
from sentiment.model.directory import open_directory
from sentiment.model.loading import load
from sentiment.model.manifest import (
    CONFIG_FILE,
    OPENVINO_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    Calibration,
    Manifest,
    hash_files,
    version_of,
    write_manifest,
)
from sentiment.model.tokenizer import TextTokenizer
from sentiment.model.torch_backend import load_pretrained

N_CALIBRATION_TEXTS = 400
_TOKENIZER_CONFIG_FILE = "tokenizer_config.json"


def export_model(
    checkpoint_dir: Path,
    out_dir: Path,
    *,
    calibration_texts: Sequence[str],
    name: str,
    backbone: str,
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
    be served) fix the int8 scales; no more than ``N_CALIBRATION_TEXTS`` are read. On `temperature_texts` with
    `temperature_labels` (0, 1, 2) each form of the weights gets its own temperature, as served; without them it is 1.
    The version is derived from the files and the temperatures.
    """
    if not calibration_texts or len(temperature_texts) != len(temperature_labels):
        raise InputError("an export needs calibration texts, and a label for every temperature text")
    source = open_directory(checkpoint_dir)
    if source.targets != tuple(range(len(LABELS))):
        raise InputError(f"{checkpoint_dir}: id2label must be {', '.join(LABELS)}, in this order")
    staging = out_dir.with_name(out_dir.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    (staging / OPENVINO_FILE).parent.mkdir(parents=True)
    model = load_pretrained(checkpoint_dir)
    _write_tokenizer(checkpoint_dir, staging)
    _write_half(model, checkpoint_dir, staging)
    tokenizer = TextTokenizer.from_file(staging / TOKENIZER_FILE)
    samples = list(_samples(calibration_texts[:N_CALIBRATION_TEXTS], tokenizer, max_length))
    ov.save_model(quantise(model, samples), staging / OPENVINO_FILE, compress_to_fp16=False)
    files = hash_files(staging)
    manifest = Manifest(
        name=name,
        version=version_of(files),
        files=files,
        max_length=max_length,
        architecture=model.config.architectures[0],
        backbone=backbone,
        training=dict(training or {}),
        metrics=dict(metrics or {}),
        data=dict(data or {}),
        licences=dict(licences or {}),
    )
    write_manifest(staging, manifest)
    if temperature_texts:
        manifest = set_calibration(staging, manifest, _fit(staging, temperature_texts, temperature_labels))
    shutil.rmtree(out_dir, ignore_errors=True)
    staging.rename(out_dir)
    return manifest


def quantise(model: PreTrainedModel, samples: Sequence[Mapping[str, NDArray[np.int64]]]) -> ov.Model:
    """The network as an OpenVINO graph with int8 weights and activations, for inputs of any shape (texts, tokens).

    `samples` are inputs of single texts (1, tokens): padding would be part of the ranges otherwise.
    """
    ids = torch.from_numpy(samples[0]["input_ids"]).repeat(2, 1)
    mask = torch.ones_like(ids)
    mask[1, -1] = 0  # with padding in the example, nothing that only holds without it is traced as a constant
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        # The tracer warns of every branch on a shape; that the graph takes any shape is checked by the tests.
        warnings.simplefilter("ignore")
        graph = ov.convert_model(_LogitsOnly(model), example_input={"input_ids": ids, "attention_mask": mask})
        graph.reshape({port: ov.PartialShape([-1, -1]) for port in graph.inputs})
        return nncf.quantize(
            graph,
            nncf.Dataset(samples),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(samples),
            # Weights keep to seven bits: without VNNI a processor adds pairs of products in 16 bits, which eight-bit
            # weights overflow. So every machine computes the same answers.
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
        )


def set_calibration(directory: Path, manifest: Manifest, calibration: Calibration) -> Manifest:
    """Write `calibration` into the manifest of `directory`; the version changes with it, because the answers do."""
    temperatures = {key: str(value) for key, value in msgspec.to_builtins(calibration).items()}
    updated = msgspec.structs.replace(
        manifest, calibration=calibration, version=version_of({**manifest.files, **temperatures})
    )
    write_manifest(directory, updated)
    return updated


class _LogitsOnly(torch.nn.Module):
    """The network with two positional inputs and one output, which is what the graph is to have."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


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
    tensors = {key: value.to(torch.float16).contiguous() for key, value in model.state_dict().items()}
    save_file(tensors, out_dir / WEIGHTS_FILE, metadata={"format": "pt"})
    config = msgspec.json.decode((checkpoint_dir / CONFIG_FILE).read_bytes(), type=dict[str, Any])
    config["dtype"] = "float16"
    config.pop("_name_or_path", None)  # a path on the machine that trained it
    content = msgspec.json.format(msgspec.json.encode(config, order="sorted"), indent=2)
    (out_dir / CONFIG_FILE).write_bytes(content + b"\n")


def _samples(texts: Sequence[str], tokenizer: TextTokenizer, max_length: int) -> Iterator[dict[str, NDArray[np.int64]]]:
    capacity = max_length - len(tokenizer.prefix) - len(tokenizer.suffix)
    for ids in tokenizer.encode(texts):
        window = np.array([[*tokenizer.prefix, *ids[:capacity], *tokenizer.suffix]], dtype=np.int64)
        yield {"input_ids": window, "attention_mask": np.ones_like(window)}


def _fit(directory: Path, texts: Sequence[str], labels: Sequence[int]) -> Calibration:
    def fit(choice: BackendChoice) -> float:
        classifier = load(
            directory, choice=choice, threads=0, max_batch_tokens=4096, max_batch_items=64, label_map=None
        )
        return fit_temperature(classifier.logits(texts), labels)

    return Calibration(temperature_fp32=fit("torch"), temperature_int8=fit("openvino"))
