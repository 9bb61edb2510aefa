"""From a path or a hub id to a classifier: find the directory, choose a backend, verify the files that it uses."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sentiment.errors import ModelError
from sentiment.model.directory import ModelDirectory, open_directory
from sentiment.model.exits import EarlyExits, Exit, read_heads
from sentiment.model.files import has_file
from sentiment.model.hub import HUB_ID, hub_answers
from sentiment.model.inference import Backend, BatchLimits
from sentiment.model.manifest import (
    EXITS_FILE,
    MANIFEST_FILE,
    TOKENIZER_FILE,
    load_manifest,
    verify_files,
)
from sentiment.model.pipeline import Reading, TextClassifier
from sentiment.model.registry import Registry, is_registry
from sentiment.model.tokenizer import TextTokenizer

if TYPE_CHECKING:
    from sentiment.settings import ModelSettings

_log = logging.getLogger(__name__)

BackendChoice = Literal["auto", "openvino", "torch"]

_HUB_FILES = ("*.json", "*.safetensors", "*.txt", "model.onnx", "onnx/model.onnx")
_HUB_TIMEOUT_S = 5.0
_TRAIN_EXTRA = "pip install 'sentiment-pipeline[train]'"


SHIPPED = "shipped"
"""Stands for the shipped model wherever a model is named. A directory of this name comes first."""


def is_shipped(name: str | Path) -> bool:
    """Whether `name` stands for the shipped model."""
    return str(name) == SHIPPED and not Path(name).exists()


def shipped_model_path() -> Path:
    """The directory of the model that comes with the package."""
    return Path(__file__).parents[1] / "assets" / "model"


def load_model(
    path: str | Path | None = None,
    *,
    backend: BackendChoice = "auto",
    form: str | None = None,
    threads: int = 0,
    max_batch_tokens: int = 4096,
    max_batch_items: int = 64,
    label_map: Mapping[str, str] | None = None,
    exits: bool = True,
) -> TextClassifier:
    """Load a classifier: the shipped model if `path` is empty, otherwise a directory, a registry or a hub id.

    ``auto`` takes OpenVINO if the directory has a graph for it, otherwise torch. `form` chooses the OpenVINO graph of
    an export; by default it is the first of int8, bf16 and fp32 that exists. `threads` 0 means all cores. `label_map`
    says what the labels of a foreign model mean. Without `exits`, every text goes through the whole network. Raises
    ``ModelError``, which says what is missing.
    """
    directory = locate(path, label_map)
    if not has_file(directory.path / MANIFEST_FILE):
        _log.warning("%s has no %s: nothing in it is verified or calibrated", directory.path, MANIFEST_FILE)
    computing, kind = _load_backend(directory, backend, form, threads)
    return TextClassifier(
        model=directory.ref,
        backend=computing,
        tokenizer=TextTokenizer.from_file(directory.path / TOKENIZER_FILE),
        reading=Reading(
            targets=directory.targets, temperature=directory.calibration.of(kind), decision=directory.decision
        ),
        limits=BatchLimits(max_batch_tokens=max_batch_tokens, max_batch_items=max_batch_items),
        max_length=directory.max_length,
        pad_id=directory.pad_id,
        early=_early_exits(directory, kind) if exits else None,
    )


def load_configured(settings: ModelSettings) -> TextClassifier:
    """Load the classifier that the configuration describes. Raises ``ModelError``, which says what is missing."""
    return load_model(
        settings.path,
        backend=settings.backend,
        threads=settings.threads,
        max_batch_tokens=settings.max_batch_tokens,
        max_batch_items=settings.max_batch_items,
        label_map=settings.label_map or None,
        exits=settings.exits,
    )


def locate(path: str | Path | None, label_map: Mapping[str, str] | None = None) -> ModelDirectory:
    """The directory that `path` stands for.

    An empty path, or the word `shipped`, is the shipped model, a registry its promoted version, and a hub id that is no
    directory a download.
    """
    if path is None or str(path) == "" or is_shipped(path):
        return open_directory(shipped_model_path())
    local = Path(path).expanduser()
    if not local.exists() and HUB_ID.fullmatch(str(path)):
        return open_directory(_download(str(path)), name=str(path), label_map=label_map)
    if is_registry(local):
        return open_directory(Registry(local).promoted().path)
    return open_directory(local, label_map=label_map)


def _load_backend(
    directory: ModelDirectory, choice: BackendChoice, form: str | None, threads: int
) -> tuple[Backend, str]:
    """The backend, and the form of the weights that it computes with."""
    graphs = directory.openvino_files
    if choice == "torch" or (choice == "auto" and not graphs and directory.onnx_file is None):
        if not directory.safetensors:
            raise ModelError(f"{directory.path} has no *.safetensors, which the torch backend needs")
        _verify(directory, directory.safetensors)
        exit_layers = directory.exits.layers if directory.exits else ()
        return _torch_backend(directory.path, threads, exit_layers), "fp32"
    if graphs:
        kind = form or next(iter(graphs))
        if kind not in graphs:
            raise ModelError(f"{directory.path} has no form {kind}; it has {', '.join(graphs)}")
        _verify(directory, (file for graph in graphs[kind] for file in (graph, graph.with_suffix(".bin"))))
        return _openvino_backend(graphs[kind], kind, threads), kind
    if directory.onnx_file is not None:
        return _openvino_backend((directory.onnx_file,), "fp32", threads), "fp32"
    raise ModelError(
        f"{directory.path} has neither an OpenVINO graph nor model.onnx, which the openvino backend needs",
        hint="use the torch backend, or export the model",
    )


def _verify(directory: ModelDirectory, files: Iterable[Path]) -> None:
    """Verify files against the manifest. A foreign directory has none; its version is the hash of its weights."""
    if has_file(directory.path / MANIFEST_FILE):
        names = [file.relative_to(directory.path).as_posix() for file in files]
        verify_files(directory.path, load_manifest(directory.path), names)


def _early_exits(directory: ModelDirectory, kind: str) -> EarlyExits | None:
    """The exits of a model. Until they are calibrated for the form `kind`, nothing leaves early."""
    if directory.exits is None:
        return None
    layers, fitted = directory.exits.layers, directory.exits.forms.get(kind)
    heads_file = directory.path / EXITS_FILE
    _verify(directory, (heads_file,))
    heads = read_heads(heads_file, len(layers))
    if fitted is None:
        _log.warning("the exits of %s are not calibrated for %s, so no text leaves early", directory.path, kind)
        exits = tuple(map(Exit, layers, heads))
    else:
        exits = tuple(
            Exit(layer, head, temperature, fitted.threshold)
            for layer, head, temperature in zip(layers, heads, fitted.temperatures, strict=True)
        )
    return EarlyExits(exits, directory.exits.n_layers)


def _openvino_backend(paths: Sequence[Path], kind: str, threads: int) -> Backend:
    from sentiment.model.openvino_backend import OpenVinoBackend

    return OpenVinoBackend(*paths, kind=kind, threads=threads)


def _torch_backend(path: Path, threads: int, exit_layers: Sequence[int]) -> Backend:
    try:
        from sentiment.model.torch_backend import TorchBackend
    except ImportError as error:
        raise ModelError(
            f"{path} needs the torch backend, and {error.name} is not installed", hint=_TRAIN_EXTRA
        ) from error
    return TorchBackend(path, threads=threads, exit_layers=exit_layers)


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            hub_id,
            allow_patterns=list(_HUB_FILES),
            etag_timeout=_HUB_TIMEOUT_S,
            local_files_only=not hub_answers(hub_id),  # what was downloaded before needs no network
        )
        return Path(folder)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"model {hub_id} is not a directory and cannot be downloaded from the hub ({type(error).__name__})",
            hint="check the name and the network, or name a directory",
        ) from error
