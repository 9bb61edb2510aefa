"""Record the figures of other commands in a model's manifest, so that they travel with the weights.

The documents are what `evaluate`, `audit` and `compare` print with `--json`. Texts are left out. The version does not
change, because the predictions do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from sentiment.errors import InputError
from sentiment.model.manifest import Manifest, load_manifest, write_manifest
from training.evaluation.reproduction import form_of

_AUDIT_KEYS = ("backend", "seed", "n_texts", "passed", "violations", "limits", "counterfactual", "behaviour")
_COST_KEYS = ("backend", "n_parameters", "peak_memory_mib", "speed", "cost")


def record(directory: Path, documents: Sequence[Path]) -> Manifest:
    """Write the figures of `documents` into the manifest of `directory`, replacing earlier ones of their kind.

    Raises:
        InputError: a document cannot be read, is of an unknown kind, or is about another version of the model. Then
            nothing is written.
    """
    manifest = load_manifest(directory)
    metrics = dict(manifest.metrics)
    for path in documents:
        metrics = _with(metrics, path, manifest.version)
    updated = msgspec.structs.replace(manifest, metrics=metrics)
    write_manifest(directory, updated)
    return updated


def _with(metrics: dict[str, Any], path: Path, version: str) -> dict[str, Any]:
    document = _read(path)
    if "evaluation" in document:
        _check_version(path, document.get("model", {}).get("version"), version)
        form = form_of(document["backend"])
        return {**metrics, "evaluation": {**metrics.get("evaluation", {}), form: _evaluation(document)}}
    if "counterfactual" in document and "behaviour" in document:
        _check_version(path, document.get("model", {}).get("version"), version)
        kept = {key: document[key] for key in _AUDIT_KEYS if key in document}
        kept["behaviour"] = [{**result, "examples": []} for result in document["behaviour"]]
        return {**metrics, "audit": kept}
    if "conditions" in document and "models" in document:
        ours = [model for model in document["models"] if model["version"] == version]
        _check_version(path, version if ours else None, version)
        kept = {key: ours[0][key] for key in _COST_KEYS}
        return {**metrics, "cost": {**kept, "conditions": document["conditions"]}}
    raise InputError(f"{path} was not written by evaluate, audit or compare", hint="write it with --json")


def _evaluation(document: dict[str, Any]) -> dict[str, Any]:
    evaluation = dict(document["evaluation"])
    evaluation["reliability"] = {key: value for key, value in evaluation["reliability"].items() if key != "bins"}
    return {"data": document["data"], **evaluation}


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError(f"{path} is not a JSON document") from None
    return document


def _check_version(path: Path, found: str | None, version: str) -> None:
    if found != version:
        raise InputError(f"{path} is not about version {version} of the model", hint="make it again with this model")
