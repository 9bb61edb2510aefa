"""The temperature of each form of the weights in a model directory: fit it, and write it to the manifest.

What a temperature does is in `sentiment.calibration`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from sentiment.decision import MOST_LIKELY
from sentiment.model.directory import open_directory
from sentiment.model.loading import load_model
from sentiment.model.manifest import Calibration, Manifest, version_of, write_manifest
from sentiment.statistics import Floats, Ints
from training.data.examples import Example

_LOG_BOUNDS = (math.log(0.05), math.log(20.0))
_LOG_TOLERANCE = 1e-7
_INVERSE_GOLDEN_RATIO = (math.sqrt(5.0) - 1.0) / 2.0


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature with the least negative log-likelihood on `logits` (n, classes) and `labels` (n,).

    The loss is convex in 1/T, so it has one minimum in log T, and a golden-section search over [0.05, 20] finds it. A
    result at an end of that range means that the data do not determine it: every label is right, or the logits carry no
    information. Raises ``ValueError`` if the labels do not fit the logits.
    """
    rows, targets = np.asarray(logits, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if rows.ndim != 2 or targets.shape != (len(rows),) or not len(rows):
        raise ValueError(f"expected a label for each row of logits, got shapes {targets.shape} and {rows.shape}")
    if targets.min() < 0 or targets.max() >= rows.shape[1]:
        raise ValueError(f"labels must be in 0 … {rows.shape[1] - 1}")
    low, high = _LOG_BOUNDS
    left, right = high - _INVERSE_GOLDEN_RATIO * (high - low), low + _INVERSE_GOLDEN_RATIO * (high - low)
    loss_left, loss_right = _loss(rows, targets, math.exp(left)), _loss(rows, targets, math.exp(right))
    while high - low > _LOG_TOLERANCE:
        if loss_left <= loss_right:
            high, right, loss_right = right, left, loss_left
            left = high - _INVERSE_GOLDEN_RATIO * (high - low)
            loss_left = _loss(rows, targets, math.exp(left))
        else:
            low, left, loss_left = left, right, loss_right
            right = low + _INVERSE_GOLDEN_RATIO * (high - low)
            loss_right = _loss(rows, targets, math.exp(right))
    return math.exp((low + high) / 2.0)


def _loss(logits: Floats, labels: Ints, temperature: float) -> float:
    """Mean −log p(label) in nats at `temperature`."""
    scaled = logits / temperature
    top = scaled.max(axis=1)
    log_sum = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - scaled[np.arange(len(scaled)), labels]))


def fit_calibration(directory: Path, rows: Sequence[Example]) -> Calibration:
    """The temperature of each form in `directory` that fits its logits, as served, to the labels of `rows`."""
    texts, labels = [row.text for row in rows], [row.label for row in rows]
    graphs = open_directory(directory).openvino_files

    def fit(form: str) -> float:
        return fit_temperature(load_model(directory, backend="openvino", form=form).logits(texts), labels)

    fitted = {f"temperature_{form}": fit(form) for form in graphs if form != "fp32"}
    fp32 = fit_temperature(load_model(directory, backend="torch").logits(texts), labels)
    return Calibration(temperature_fp32=fp32, **fitted)


def set_calibration(directory: Path, manifest: Manifest, calibration: Calibration) -> Manifest:
    """Write `manifest`, with `calibration`, to `directory`. The version changes too, because the answers do.

    They also depend on the manifest's decision, and on the temperatures and thresholds of its exits.
    """
    decided = {key: str(value) for key, value in msgspec.to_builtins(calibration).items()}
    if manifest.decision != MOST_LIKELY:
        decided["offsets"] = str(manifest.decision.offsets)
    for form, fitted in manifest.exits.forms.items() if manifest.exits else ():
        decided[f"exits_{form}"] = f"{fitted.threshold} {fitted.temperatures}"
    updated = msgspec.structs.replace(
        manifest, calibration=calibration, version=version_of({**manifest.files, **decided})
    )
    write_manifest(directory, updated)
    return updated
