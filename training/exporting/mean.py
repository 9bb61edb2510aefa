"""The mean of the weights of several runs, as a checkpoint.

Runs that started from the same weights and end in one valley of the loss have a mean that is often better than each of
them (Wortsman et al. 2022, "Model soups"), at the cost of one. It is not for runs with different heads.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel

from sentiment.durable import put_in_place
from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.model.directory import ModelDirectory
from sentiment.model.files import has_file
from sentiment.model.loading import locate
from sentiment.model.manifest import MANIFEST_FILE, TOKENIZER_FILE, load_manifest, verify_files
from sentiment.model.torch_backend import load_pretrained
from training.exporting.files import forget_export, make_readable, write_tokenizer


def average_models(models: Sequence[str], output: Path) -> None:
    """Write the checkpoint `output`, whose weights are the mean of those of `models`: directories or hub ids.

    It is what `sentiment export`, `train --backbone` and `distill --teacher` take. The mean is computed in fp32.

    Raises:
        ModelError: one of `models` cannot be loaded or was damaged.
        InputError: fewer than two, `output` exists, or they have other layers, tokens or labels than the first.
    """
    if len(models) < 2:
        raise InputError("a mean needs two models or more")
    if output.exists():
        raise InputError(f"{output} exists", hint="remove it or name another --output")
    opened = [locate(model) for model in models]
    mean = _load(opened[0])
    state = mean.state_dict()
    for directory in opened[1:]:
        _require_same_reading(opened[0], directory)
        _add(state, _load(directory), f"{opened[0].path} and {directory.path}")
    with torch.no_grad():
        for weight in _different(state):
            weight.div_(len(models))
    _write(mean, opened[0], output)


def _load(directory: ModelDirectory) -> PreTrainedModel:
    if has_file(directory.path / MANIFEST_FILE):
        names = [file.relative_to(directory.path).as_posix() for file in directory.safetensors]
        verify_files(directory.path, load_manifest(directory.path), names)
    return load_pretrained(directory.path)


def _require_same_reading(one: ModelDirectory, other: ModelDirectory) -> None:
    same_tokens = (one.path / TOKENIZER_FILE).read_bytes() == (other.path / TOKENIZER_FILE).read_bytes()
    if not same_tokens or one.targets != other.targets or other.targets != tuple(range(len(LABELS))):
        raise InputError(f"{one.path} and {other.path} have different tokens or labels, so their mean makes no sense")


def _add(state: dict[str, torch.Tensor], model: PreTrainedModel, names: str) -> None:
    other = model.state_dict()
    if {name: weight.shape for name, weight in state.items()} != {name: w.shape for name, w in other.items()}:
        raise InputError(f"{names} are different networks, so their mean makes no sense")
    same = {weight.data_ptr(): other[name] for name, weight in state.items()}
    with torch.no_grad():
        for weight in _different(state):
            weight.add_(same[weight.data_ptr()])


def _different(state: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The weights, each once: T5's embeddings have several names. Counters and the like are left out."""
    return list({weight.data_ptr(): weight for weight in state.values() if weight.is_floating_point()}.values())


def _write(model: PreTrainedModel, like: ModelDirectory, output: Path) -> None:
    staging = output.with_name(output.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    forget_export(model)
    model.save_pretrained(staging)
    write_tokenizer(like.path, staging)
    make_readable(staging)
    put_in_place(staging, output)
