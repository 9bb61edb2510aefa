"""From a path or a hub id to a classifier: find the directory, choose the backend, check what it will use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import sentiment
from sentiment.errors import ModelError
from sentiment.model.classifier import BackendChoice
from sentiment.model.directory import ModelDirectory, open_directory
from sentiment.model.manifest import (
    MANIFEST_FILE,
    OPENVINO_FILE,
    OPENVINO_WEIGHTS_FILE,
    TOKENIZER_FILE,
    load_manifest,
    verify_files,
)
from sentiment.model.pipeline import Backend, BatchLimits, Reading, TextClassifier
from sentiment.model.tokenizer import TextTokenizer

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_HUB_FILES = ("*.json", "*.safetensors", "*.txt", "model.onnx", "onnx/model.onnx")
_HUB_TIMEOUT_S = 5.0
_TRAIN_EXTRA = "pip install 'sentiment-pipeline[train]'"


def shipped_model_path() -> Path:
    """Where the model that comes with the package lies."""
    return Path(sentiment.__file__).parent / "assets" / "model"


def load(
    path: str | Path | None,
    *,
    choice: BackendChoice,
    threads: int,
    max_batch_tokens: int,
    max_batch_items: int,
    label_map: Mapping[str, str] | None,
) -> TextClassifier:
    """See ``load_model``."""
    directory = locate(path, label_map)
    backend, temperature = _load_backend(directory, choice, threads)
    return TextClassifier(
        model=directory.ref,
        backend=backend,
        tokenizer=TextTokenizer.from_file(directory.path / TOKENIZER_FILE),
        reading=Reading(targets=directory.targets, temperature=temperature),
        limits=BatchLimits(max_batch_tokens=max_batch_tokens, max_batch_items=max_batch_items),
        max_length=directory.max_length,
        pad_id=directory.pad_id,
    )


def locate(path: str | Path | None, label_map: Mapping[str, str] | None = None) -> ModelDirectory:
    """The directory that `path` means:

    the shipped one where it is empty, a download where it is a hub id and no directory.
    """
    if path is None or str(path) == "":
        return open_directory(shipped_model_path())
    local = Path(path).expanduser()
    if not local.exists() and _HUB_ID.fullmatch(str(path)):
        return open_directory(_download(str(path)), name=str(path), label_map=label_map)
    return open_directory(local, label_map=label_map)


def _load_backend(directory: ModelDirectory, choice: BackendChoice, threads: int) -> tuple[Backend, float]:
    for_openvino = directory.openvino_file or directory.onnx_file
    if choice == "torch" or (choice == "auto" and for_openvino is None):
        if not directory.safetensors:
            raise ModelError(f"{directory.path} has no *.safetensors, which the torch backend needs")
        _verify(directory, [file.relative_to(directory.path).as_posix() for file in directory.safetensors])
        return _torch_backend(directory.path, threads), directory.calibration.temperature_fp32
    if directory.openvino_file is not None:
        _verify(directory, [OPENVINO_FILE, OPENVINO_WEIGHTS_FILE])
        return _openvino_backend(directory.openvino_file, "int8", threads), directory.calibration.temperature_int8
    if directory.onnx_file is not None:
        return _openvino_backend(directory.onnx_file, "fp32", threads), directory.calibration.temperature_fp32
    raise ModelError(
        f"{directory.path} has neither {OPENVINO_FILE} nor model.onnx, which the openvino backend needs",
        hint="take the torch backend, or export the model",
    )


def _verify(directory: ModelDirectory, names: list[str]) -> None:
    """Only what a manifest vouches for can be checked;

    a foreign directory's version is the hash of its weights instead.
    """
    if (directory.path / MANIFEST_FILE).is_file():
        verify_files(directory.path, load_manifest(directory.path), names)


def _openvino_backend(path: Path, kind: str, threads: int) -> Backend:
    from sentiment.model.openvino_backend import OpenVinoBackend

    return OpenVinoBackend(path, kind=kind, threads=threads)


def _torch_backend(path: Path, threads: int) -> Backend:
    try:
        from sentiment.model.torch_backend import TorchBackend
    except ImportError as error:
        raise ModelError(
            f"{path} needs the torch backend, and {error.name} is not installed", hint=_TRAIN_EXTRA
        ) from error
    return TorchBackend(path, threads=threads)


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(_HUB_FILES), etag_timeout=_HUB_TIMEOUT_S))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"model {hub_id} is neither a directory here nor could it be had from the hub ({type(error).__name__})",
            hint="check the name and the network, or give a directory",
        ) from error
