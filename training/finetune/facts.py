"""What there is to say of a training: to a tracker, and in the manifest."""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from sentiment import __version__
from sentiment.events import LABELS
from sentiment.model.files import has_file
from sentiment.model.manifest import MANIFEST_FILE, Manifest, load_manifest
from training.cards.nested import flat
from training.finetune.few_shot import METHOD
from training.finetune.job import TrainingJob
from training.finetune.prepare import PreparedRows
from training.finetune.running import n_processes

_PACKAGES = ("torch", "transformers", "openvino", "nncf", "tokenizers", "scikit-learn")
_OF_FEW_SHOT = ("augment", "emoji_tokens", "keep_layers", "max_length", "seed")


def asked(job: TrainingJob, rows: PreparedRows) -> dict[str, Any]:
    """The parameters of the training, for a tracker."""
    weighting = job.weighting
    return {
        "backbone": public_name(job.backbone),
        "recipe": recipe_of(job),
        "class_weight": dict(zip(LABELS, weighting.classes, strict=True)),
        "source_weight": weighting.sources or {},
        "weak_neutral_weight": weighting.weak_neutral,
        "data": rows.description(),
        "leakage": {"dropped": rows.leakage["dropped"]},
        "running": {"device": job.running.device_name, "processes": n_processes()},
        "versions": {"sentiment": __version__, **versions()},
    }


def recipe_of(job: TrainingJob) -> dict[str, Any]:
    """The recipe as it is used: of few labels, only what the head depends on."""
    recipe = job.recipe
    if job.few_shot:
        return {"method": METHOD, **{name: getattr(recipe, name) for name in _OF_FEW_SHOT}}
    return {**asdict(recipe), "effective_batch": recipe.effective_batch(n_processes())}


def results(manifest: Manifest) -> dict[str, float]:
    """What the model reaches in every form as served, and its temperatures, for a tracker."""
    found = flat(
        {"validation": manifest.metrics["validation"], "calibration": msgspec.to_builtins(manifest.calibration)}
    )
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def versions() -> dict[str, str]:
    """The libraries that train and export."""
    return {package: importlib.metadata.version(package) for package in _PACKAGES}


def public_name(backbone: str) -> str:
    """A hub id as it is, and only the name of a directory, because a manifest travels.

    A model that was trained before has the backbone of that training.
    """
    path = Path(backbone)
    if has_file(path / MANIFEST_FILE):
        return load_manifest(path).backbone
    return path.absolute().name if path.is_dir() else backbone
