"""Add early exits to a model directory: cut its graphs, run the network over texts, and teach the heads.

The network stays as it is, so with exits turned off the new model gives the answers of the old one. Until
`sentiment calibrate` has set the thresholds, no text leaves early.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentiment.errors import InputError, ModelError, UsageError
from sentiment.model.directory import ModelDirectory, open_directory
from sentiment.model.exits import EarlyExits, Exit, ExitHead, write_heads
from sentiment.model.inference import BatchLimits
from sentiment.model.manifest import (
    EXITS_FILE,
    TOKENIZER_FILE,
    Exits,
    Manifest,
    graph_files,
    hash_files,
    load_manifest,
    verify_files,
)
from sentiment.model.openvino_backend import OpenVinoBackend
from sentiment.model.pipeline import Reading, TextClassifier
from sentiment.model.registry_files import copy_model
from sentiment.model.tokenizer import TextTokenizer
from sentiment.progress import Progress
from training.data.examples import read_texts
from training.exporting.cutting import count_layers, cut_graphs
from training.exporting.exit_heads import HeadQuality, train_head
from training.exporting.files import make_readable
from training.exporting.temperatures import set_calibration

# With fewer texts a head with thousands of weights learns nothing that holds for others.
MIN_TEXTS = 100
_TEXTS_AT_ONCE = 512
_LIMITS = BatchLimits(max_batch_tokens=4096, max_batch_items=64)
_Features = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class ExitsJob:
    """Where to put exits: after `layers` (counted from 1) of the model in `model`, taught with the texts of `files`.

    At most `max_texts` are read, evenly from all files: a text takes 6 bytes × hidden size × number of exits in memory.
    """

    model: Path
    output: Path
    layers: tuple[int, ...]
    files: tuple[Path, ...]
    text_field: str
    max_texts: int
    seed: int
    threads: int


def add_exits(job: ExitsJob, *, progress: Progress) -> tuple[Manifest, list[HeadQuality]]:
    """Write the model directory `job.output`, and tell how often each exit has the label of the network.

    An existing directory is replaced. The figures are of texts that were held out.

    Raises:
        ModelError: the model has exits already, has no OpenVINO graph, or is not like BERT.
        UsageError: there are no such layers.
        InputError: the texts are too few, or cannot be read.
    """
    manifest, opened = load_manifest(job.model), open_directory(job.model)
    n_layers = _checked(job, manifest, opened)
    texts = _read(job)
    staging = job.output.with_name(job.output.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    copy_model(job.model, staging, manifest)
    for form in opened.openvino_files:
        cut_graphs(staging, form, job.layers)
    form = next(iter(opened.openvino_files))
    features, answers = _run(_classifier(staging, opened, form, job, n_layers), texts, len(job.layers), progress)
    heads, qualities = _teach(job, features, answers, progress)
    write_heads(staging / EXITS_FILE, heads)
    make_readable(staging)
    written = _write(job, staging, manifest, n_layers, qualities, len(texts))
    shutil.rmtree(job.output, ignore_errors=True)
    staging.rename(job.output)
    return written, qualities


def _checked(job: ExitsJob, manifest: Manifest, opened: ModelDirectory) -> int:
    """The number of layers of the network, if it can have exits after `job.layers`."""
    if manifest.exits is not None:
        raise ModelError(f"{job.model} has exits already", hint="give the model without them")
    if not opened.openvino_files:
        raise ModelError(
            f"{job.model} has no OpenVINO graph, which exits need", hint="write one with `sentiment export`"
        )
    verify_files(job.model, manifest, manifest.files)
    n_layers = count_layers(next(iter(opened.openvino_files.values()))[0])
    if (
        not job.layers
        or list(job.layers) != sorted({*job.layers})
        or not 1 <= job.layers[0] <= job.layers[-1] < n_layers
    ):
        raise UsageError(
            f"exits after layers {', '.join(map(str, job.layers))} are not possible in a network of {n_layers}",
            hint=f"give rising numbers from 1 to {n_layers - 1}",
        )
    return n_layers


def _read(job: ExitsJob) -> list[str]:
    most = -(-job.max_texts // len(job.files))
    texts = list(dict.fromkeys(text for file in job.files for text in read_texts(file, job.text_field, most=most)))
    if len(texts) < MIN_TEXTS:
        raise InputError(f"{len(texts)} texts are too few to teach exits", hint=f"give {MIN_TEXTS} or more")
    return texts[: job.max_texts]


def _pooled_states(pooled: NDArray[np.float32]) -> NDArray[np.float32]:
    """A head that answers with what it reads."""
    return pooled


def _classifier(directory: Path, opened: ModelDirectory, form: str, job: ExitsJob, n_layers: int) -> TextClassifier:
    """The network in `form`, whose exits answer with their pooled hidden states."""
    graphs = (directory / name for name in graph_files(form, len(job.layers) + 1))
    return TextClassifier(
        model=opened.ref,
        backend=OpenVinoBackend(*graphs, kind=form, threads=job.threads),
        tokenizer=TextTokenizer.from_file(directory / TOKENIZER_FILE),
        reading=Reading(targets=opened.targets, temperature=1.0),
        limits=_LIMITS,
        max_length=opened.max_length,
        pad_id=opened.pad_id,
        early=EarlyExits(tuple(Exit(layer, _pooled_states) for layer in job.layers), n_layers),
    )


def _run(
    classifier: TextClassifier, texts: Sequence[str], n_exits: int, progress: Progress
) -> tuple[list[_Features], NDArray[np.float32]]:
    """The features (windows, 3 × size) of each exit, and the logits (windows, 3) of the network."""
    progress.begin("running the network", len(texts))
    features: list[list[_Features]] = [[] for _ in range(n_exits)]
    answers: list[NDArray[np.float32]] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        *pooled, logits = classifier.stages(texts[start : start + _TEXTS_AT_ONCE]).outputs
        answers.append(logits)
        for of_exit, states in zip(features, pooled, strict=True):
            of_exit.append(states.astype(np.float16))
        progress.at(min(start + _TEXTS_AT_ONCE, len(texts)))
    return [np.concatenate(of_exit) for of_exit in features], np.concatenate(answers)


def _teach(
    job: ExitsJob, features: Sequence[_Features], answers: NDArray[np.float32], progress: Progress
) -> tuple[list[ExitHead], list[HeadQuality]]:
    progress.begin("teaching the exits", len(features))
    heads, qualities = [], []
    for layer, of_exit in zip(job.layers, features, strict=True):
        head, quality = train_head(of_exit, answers, layer, seed=job.seed)
        heads.append(head)
        qualities.append(quality)
        progress.at(len(heads))
    return heads, qualities


def _write(
    job: ExitsJob,
    staging: Path,
    manifest: Manifest,
    n_layers: int,
    qualities: Sequence[HeadQuality],
    n_texts: int,
) -> Manifest:
    record = {
        "layers": list(job.layers),
        "texts": n_texts,
        "seed": job.seed,
        "held_out": [msgspec.to_builtins(quality) for quality in qualities],
    }
    updated = msgspec.structs.replace(
        manifest,
        files=hash_files(staging),
        exits=Exits(layers=job.layers, n_layers=n_layers),
        training={**manifest.training, "exits": record},
    )
    return set_calibration(staging, updated, manifest.calibration)
