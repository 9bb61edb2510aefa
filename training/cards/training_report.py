"""The HTML report of a training: how it went, what came of it, and what it was asked to do. All is in the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiment.figures import data_uri
from sentiment.model.manifest import Manifest
from sentiment.pages import page_of
from sentiment.progress import clock
from training.cards.curves import curves_plot
from training.cards.nested import flat

_TEMPLATES = Path(__file__).parent / "templates"


def training_report(manifest: Manifest) -> str:
    """The report of a model that `sentiment train` or `sentiment distill` made. The order of its tables is fixed, since
    that of a manifest changes when it is read again.
    """
    training = manifest.training
    run, validation = training["run"], manifest.metrics["validation"]
    return page_of(
        _TEMPLATES,
        "training.html",
        manifest=manifest,
        run=run,
        took=clock(run["seconds"]),
        curves=data_uri(curves_plot(run)) if "evaluations" in run else None,
        forms={
            name: found
            for name, found in sorted(validation.items())
            if isinstance(found, Mapping) and "macro_f1" in found
        },
        temperatures={form: manifest.calibration.of(form) for form in ("fp32", "bf16", "int8")},
        sources=next((found for name, found in validation.items() if name.endswith("_macro_f1_by_source")), {}),
        asked=dict(sorted(flat(_asked(manifest)).items())),
        data=dict(sorted(flat(manifest.data).items())),
    )


def _asked(manifest: Manifest) -> dict[str, Any]:
    training = manifest.training
    weighting = training["weighting"]
    return {
        "recipe": training["recipe"],
        "class weight": dict(zip(manifest.labels, weighting["classes"], strict=True)),
        "source weight": weighting["sources"] or {},
        "weight of weak neutrals": weighting["weak_neutral"],
        "leaked rows left out": training["leakage"]["dropped"],
        "distillation": training.get("distillation", {}),
        "versions": training["versions"],
    }
