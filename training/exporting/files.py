"""The files of a model directory, written from a checkpoint: tokenizer, fp16 weights, and a graph for each form."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import openvino as ov
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, PreTrainedModel

from sentiment.model.manifest import CONFIG_FILE, EXPORTED_BY, OPENVINO_FILES, TOKENIZER_FILE, WEIGHTS_FILE
from sentiment.model.tokenizer import TextTokenizer
from training.exporting.graphs import NetworkInput, Unconvertible, quantise, to_graph

Form = Literal["int8", "bf16", "fp32"]

_TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
# Whoever serves the model must be able to read it; safetensors makes files for their owner alone.
_FILE_MODE, _DIRECTORY_MODE = 0o644, 0o755


def write_tokenizer(checkpoint: Path, output: Path) -> None:
    """Copy the tokenizer, or convert it if the checkpoint only has a slow one."""
    if (checkpoint / TOKENIZER_FILE).is_file():
        shutil.copyfile(checkpoint / TOKENIZER_FILE, output / TOKENIZER_FILE)
    else:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
        tokenizer.backend_tokenizer.save(str(output / TOKENIZER_FILE))
    if (checkpoint / _TOKENIZER_CONFIG_FILE).is_file():
        shutil.copyfile(checkpoint / _TOKENIZER_CONFIG_FILE, output / _TOKENIZER_CONFIG_FILE)


def forget_export(model: PreTrainedModel) -> None:
    """Let `model`, loaded from an export, be saved as a checkpoint: without a manifest, an export counts as damaged."""
    if hasattr(model.config, EXPORTED_BY):
        delattr(model.config, EXPORTED_BY)


def write_half(model: PreTrainedModel, checkpoint: Path, output: Path) -> None:
    """Write the weights in fp16, which halves the size. It is exact to 2⁻¹¹, far below what changes a label."""
    state = model.state_dict()
    # One copy of weights that have several names (T5's embeddings); the library ties them again when it loads them.
    own = {state[key].data_ptr(): key for key in reversed(state)}
    tensors = {key: state[key].to(torch.float16).contiguous() for key in own.values()}
    save_file(tensors, output / WEIGHTS_FILE, metadata={"format": "pt"})
    config = msgspec.json.decode((checkpoint / CONFIG_FILE).read_bytes(), type=dict[str, Any])
    config["dtype"] = "float16"
    config[EXPORTED_BY] = "sentiment-pipeline"
    config.pop("_name_or_path", None)  # a path on the machine that trained the model
    content = msgspec.json.format(msgspec.json.encode(config, order="sorted"), indent=2)
    (output / CONFIG_FILE).write_bytes(content + b"\n")


def write_graphs(
    model: PreTrainedModel, samples: Sequence[NetworkInput], pad_id: int, forms: Sequence[Form], output: Path
) -> dict[str, str]:
    """Write the OpenVINO graphs of `forms`, and return why each of the others could not be written."""
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
            (output / OPENVINO_FILES[form]).parent.mkdir(exist_ok=True)
            ov.save_model(made, output / OPENVINO_FILES[form], compress_to_fp16=form == "bf16")
    return missing


def calibration_samples(
    texts: Sequence[str], tokenizer: TextTokenizer, max_length: int, pad_id: int
) -> list[NetworkInput]:
    """One network input (1, tokens) for each of `texts`, cut to `max_length` tokens."""
    capacity = max_length - len(tokenizer.prefix) - len(tokenizer.suffix)
    # A text without tokens is read as one padding token, as in serving.
    rows = ([*tokenizer.prefix, *ids[:capacity], *tokenizer.suffix] or [pad_id] for ids in tokenizer.encode(texts))
    inputs = (np.array([row], dtype=np.int64) for row in rows)
    return [{"input_ids": ids, "attention_mask": np.ones_like(ids)} for ids in inputs]


def make_readable(directory: Path) -> None:
    """Let everybody on the machine read the directory."""
    for path in (directory, *directory.rglob("*")):
        path.chmod(_DIRECTORY_MODE if path.is_dir() else _FILE_MODE)
