"""The manifest of a model directory: what the model is, how it was made, and the hashes of its files.

`manifest.json` lists every other file with its SHA-256. The version is derived from these hashes unless one is given,
so two different models never share the identity that results carry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sentiment.decision import Decision
from sentiment.errors import ModelError
from sentiment.events import LABELS, ModelRef
from sentiment.model.files import has_file, read_json

MANIFEST_FILE = "manifest.json"
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILE = "model.safetensors"
# The OpenVINO graphs by form, the preferred one first; the weights are in a .bin file beside each.
OPENVINO_FILES: Mapping[str, str] = {
    "int8": "openvino/model.xml",
    "bf16": "openvino/bf16.xml",
    "fp32": "openvino/fp32.xml",
}

EXITS_FILE = "exits.npz"
"""The heads of a model with early exits (`exits.py`)."""

EXPORTED_BY = "exported_by"
"""A key in the `config.json` of an export: without its manifest such a directory is damaged, not foreign."""

FORMAT_VERSION = 1
_SHORT_HASH_CHARS = 12
_AGAIN = "the model directory is damaged or was edited: copy it again, or run `sentiment exits` again"

ShortText = Annotated[str, Meta(min_length=1, max_length=200)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Temperature = Annotated[float, Meta(gt=0.0, le=100.0)]


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The temperature of each form of the weights, because quantisation moves the logits. Torch uses that of fp32."""

    temperature_fp32: Temperature = 1.0
    temperature_int8: Temperature = 1.0
    temperature_bf16: Temperature = 1.0

    def of(self, form: str) -> float:
        """The temperature of "fp32", "bf16" or "int8"."""
        return {"fp32": self.temperature_fp32, "bf16": self.temperature_bf16, "int8": self.temperature_int8}[form]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """What `sentiment calibrate` showed of exits, on `n` rows that their heads were not trained on.

    With probability `confidence` over the choice of these rows, at least `target` of all such texts get the label of
    the whole network. In these rows, `disagreements` did not; a window went through `mean_layers` layers.
    """

    target: Annotated[float, Meta(gt=0.0, lt=1.0)]
    confidence: Annotated[float, Meta(gt=0.0, lt=1.0)]
    n: Annotated[int, Meta(ge=1)]
    disagreements: Annotated[int, Meta(ge=0)]
    mean_layers: Annotated[float, Meta(ge=0.0)]


class FormExits(msgspec.Struct, frozen=True, kw_only=True):
    """The exits of one form: a temperature for each, and how sure an exit must be for a text to leave there."""

    temperatures: tuple[Temperature, ...]
    threshold: Annotated[float, Meta(ge=0.0, le=1.0)]
    agreement: Agreement


class Exits(msgspec.Struct, frozen=True, kw_only=True):
    """Early exits after `layers` of the `n_layers` of the network.

    No text leaves early in a form that is not in `forms`: `sentiment calibrate` puts it there.
    """

    layers: tuple[int, ...]
    n_layers: int
    forms: dict[str, FormExits] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `manifest.json`. `training`, `metrics` and `data` are for people.

    Nothing is computed from them, but alerts correct shares by the evaluation (`errors.py`).
    """

    name: ShortText
    version: ShortText
    format_version: int = FORMAT_VERSION
    labels: tuple[str, ...] = LABELS
    files: dict[str, Sha256]
    max_length: Annotated[int, Meta(ge=8, le=8192)]
    architecture: ShortText
    backbone: ShortText
    calibration: Calibration = Calibration()
    decision: Decision = Decision()
    exits: Exits | None = None
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    data: dict[str, Any] = {}
    licences: dict[str, str] = {}

    def ref(self) -> ModelRef:
        """Name and version, as in results."""
        return ModelRef(name=self.name, version=self.version)


def load_manifest(directory: Path) -> Manifest:
    """Read and check `manifest.json`: structure, format version and labels. The files are not opened.

    Raises ``ModelError``, which names the file and the fault.
    """
    path = directory / MANIFEST_FILE
    manifest = read_json(path, Manifest, "a model manifest")
    if manifest.format_version != FORMAT_VERSION:
        raise ModelError(
            f"{path} has format version {manifest.format_version}, and this program reads version {FORMAT_VERSION}",
            hint="export the model again with this version of the program",
        )
    if manifest.labels != LABELS:
        raise ModelError(
            f"{path} has the labels {', '.join(manifest.labels) or 'none'}; needed, in this order: {', '.join(LABELS)}"
        )
    for name in manifest.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ModelError(f"{path} lists a file outside of its directory")
    if manifest.exits is not None:
        _check_exits(path, manifest.exits, manifest.files)
    return manifest


def graph_files(form: str, n_stages: int) -> tuple[str, ...]:
    """The consecutive OpenVINO graphs of a form: a single one, or one for each stage of a model with exits."""
    whole = OPENVINO_FILES[form]
    if n_stages == 1:
        return (whole,)
    stem = whole.removesuffix(".xml")
    return tuple(f"{stem}.{stage}.xml" for stage in range(1, n_stages + 1))


def listed_graphs(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """The OpenVINO graphs that a manifest lists, by form. Raises ``ModelError`` if it lists only some of a form."""
    n_stages = 1 if manifest.exits is None else len(manifest.exits.layers) + 1
    found = {}
    for form in OPENVINO_FILES:
        names = graph_files(form, n_stages)
        listed = [name for name in names if name in manifest.files]
        if listed and len(listed) < n_stages:
            missing = next(name for name in names if name not in listed)
            raise ModelError(f"{MANIFEST_FILE} of {manifest.name} does not list {missing}", hint=_AGAIN)
        if listed:
            found[form] = names
    return found


def _check_exits(path: Path, exits: Exits, files: Mapping[str, str]) -> None:
    inside = [0, *exits.layers, exits.n_layers]
    if not exits.layers or any(after <= before for before, after in pairwise(inside)):
        raise ModelError(
            f"{path} has exits after layers {', '.join(map(str, exits.layers)) or 'none'} of {exits.n_layers}",
            hint=_AGAIN,
        )
    if EXITS_FILE not in files:
        raise ModelError(f"{path} has exits, but does not list {EXITS_FILE}", hint=_AGAIN)
    for form, fitted in exits.forms.items():
        if form not in OPENVINO_FILES or len(fitted.temperatures) != len(exits.layers):
            raise ModelError(f"{path}: the exits of form {form} do not fit its layers", hint=_AGAIN)


def verify_files(directory: Path, manifest: Manifest, names: Iterable[str]) -> None:
    """Hash the files `names` and compare them with the manifest.

    Check only what is about to be used, because hashing reads the whole file. Raises ``ModelError`` if a file is not
    listed, is missing, or differs from what was exported.
    """
    for name in names:
        path = directory / name
        expected = manifest.files.get(name)
        if expected is None:
            raise ModelError(f"{directory / MANIFEST_FILE} does not list {name}, so it cannot be trusted")
        if not has_file(path):
            raise ModelError(f"{path} is missing", hint="the model directory is incomplete: copy or export it again")
        if sha256_file(path) != expected:
            raise ModelError(
                f"{path} is not the file that the manifest describes (its SHA-256 differs)",
                hint="the model directory is damaged or was edited: copy or export it again",
            )


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `manifest.json`, indented; the same content gives the same bytes."""
    content = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2)
    (directory / MANIFEST_FILE).write_bytes(content + b"\n")


def hash_files(directory: Path) -> dict[str, str]:
    """SHA-256 of every file in `directory` except the manifest, by relative POSIX path, sorted."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    names = {path.relative_to(directory).as_posix(): path for path in paths}
    return {name: sha256_file(path) for name, path in names.items() if name != MANIFEST_FILE}


def version_of(files: Mapping[str, str]) -> str:
    """Twelve hexadecimal digits that depend on every name and hash in `files`."""
    content = "".join(f"{name} {digest}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(content.encode()).hexdigest()[:_SHORT_HASH_CHARS]


def sha256_file(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises ``ModelError`` if it cannot be read."""
    if not has_file(path):
        raise ModelError(f"{path} is missing", hint="the model directory is incomplete: copy or export it again")
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
