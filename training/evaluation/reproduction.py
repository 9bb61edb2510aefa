"""Does a model still perform as its manifest says? Measured figures beside the recorded ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sentiment.model.manifest import Manifest
from training.evaluation.records import Evaluation

# The same files give the same answers on one machine. Another processor adds floats in another order, which changes a
# handful of labels in ten thousand. int8 has its own kernels for each instruction set (0.0017 from AVX2 to AMX).
TOLERANCE = 0.001
INT8_TOLERANCE = 0.005


class Recorded(msgspec.Struct, frozen=True):
    """One figure as the manifest has it, and as measured now."""

    recorded: float
    measured: float


class Reproduction(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the manifest for one form of the weights, on the same rows.

    `agrees`: all within ``TOLERANCE``, or ``INT8_TOLERANCE``.
    """

    form: str
    figures: dict[str, Recorded]
    largest_difference: float
    agrees: bool


def form_of(backend: str) -> str:
    """The form of the weights that a backend such as ``openvino-int8`` computes with."""
    runtime, _, form = backend.partition("-")
    return form if runtime == "openvino" else "fp32"


def reproduce(evaluation: Evaluation, manifest: Manifest, *, form: str, fingerprint: str) -> Reproduction | None:
    """Compare with the manifest. Returns None if it records nothing for these rows and this form.

    `fingerprint` is that of the evaluated rows: figures of other rows cannot be compared.
    """
    if manifest.data.get("validation", {}).get("fingerprint") != fingerprint:
        return None
    recorded = _flat(manifest.metrics.get("validation", {}).get(form, {}))
    measured = _measured(evaluation)
    figures = {name: Recorded(recorded[name], measured[name]) for name in measured if name in recorded}
    if not figures:
        return None
    largest = max(abs(figure.recorded - figure.measured) for figure in figures.values())
    tolerance = INT8_TOLERANCE if form == "int8" else TOLERANCE
    return Reproduction(form=form, figures=figures, largest_difference=largest, agrees=largest <= tolerance)


def _measured(evaluation: Evaluation) -> dict[str, float]:
    overall = {
        "macro_f1": evaluation.macro_f1,
        "macro_recall": evaluation.macro_recall,
        "accuracy": evaluation.accuracy,
        **{f"f1.{label}": quality.f1 for label, quality in evaluation.by_class.items()},
        "ece": evaluation.reliability.ece,
        "brier": evaluation.reliability.brier,
        "nll": evaluation.reliability.nll,
    }
    return {name: measure.value for name, measure in overall.items()}


def _flat(recorded: Mapping[str, Any]) -> dict[str, float]:
    """`{"f1": {"negative": x}}` as `{"f1.negative": x}`. Anything but numbers is left out."""
    flat: dict[str, float] = {}
    for name, value in recorded.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": figure for inner, figure in _flat(value).items()}
        elif isinstance(value, int | float):
            flat[name] = float(value)
    return flat
