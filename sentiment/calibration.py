"""Temperature scaling: probabilities that can be read as frequencies, and the measures that say whether they can.

Guo et al. 2017, "On Calibration of Modern Neural Networks": one positive number T divides all logits. It never
changes a label, only how sure the answer sounds. T > 1 softens an overconfident model.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_LOG_TEMPERATURE_BOUNDS = (math.log(0.05), math.log(20.0))
_LOG_TEMPERATURE_TOLERANCE = 1e-7
_INVERSE_GOLDEN_RATIO = (math.sqrt(5.0) - 1.0) / 2.0


def apply_temperature(logits: ArrayLike, temperature: float) -> Floats:
    """Softmax of `logits` (n, classes) divided by `temperature` > 0: probabilities (n, classes) that sum to 1."""
    if not (temperature > 0.0 and math.isfinite(temperature)):
        raise ValueError(f"the temperature must be a positive number, not {temperature}")
    scaled = _as_rows(logits) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def negative_log_likelihood(logits: ArrayLike, labels: ArrayLike, temperature: float = 1.0) -> float:
    """Mean −log p(label) in nats at `temperature`: what the fit minimises."""
    scaled = _as_rows(logits) / temperature
    top = scaled.max(axis=1)
    log_sum = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - scaled[np.arange(len(scaled)), _as_labels(labels, scaled)]))


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature with the least negative log-likelihood on `logits` (n, classes) and `labels` (n,) in 0 …
    classes − 1.

    The loss is convex in 1/T, so it has one valley in log T, and a golden-section search over [0.05, 20] finds it. An
    answer at an end of that range says that the data do not determine it (every label right, or logits without
    information).
    """
    rows = _as_rows(logits)
    targets = _as_labels(labels, rows)
    low, high = _LOG_TEMPERATURE_BOUNDS

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(rows, targets, math.exp(log_temperature))

    left = high - _INVERSE_GOLDEN_RATIO * (high - low)
    right = low + _INVERSE_GOLDEN_RATIO * (high - low)
    loss_left, loss_right = loss(left), loss(right)
    while high - low > _LOG_TEMPERATURE_TOLERANCE:
        if loss_left <= loss_right:
            high, right, loss_right = right, left, loss_left
            left = high - _INVERSE_GOLDEN_RATIO * (high - low)
            loss_left = loss(left)
        else:
            low, left, loss_left = left, right, loss_right
            right = low + _INVERSE_GOLDEN_RATIO * (high - low)
            loss_right = loss(right)
    return math.exp((low + high) / 2.0)


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, n_bins: int = 15) -> float:
    """Mean gap between confidence (the top probability) and accuracy over `n_bins` equal bins, weighted by their
    counts.

    In [0, 1], 0 is perfect. A bin holds (lower, upper], as in Guo et al.; it says nothing about classes that are not
    on top.
    """
    rows = _as_rows(probabilities)
    confidence = rows.max(axis=1)
    correct = rows.argmax(axis=1) == _as_labels(labels, rows)
    bins = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(rows))


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared distance between the probability vector and the one-hot truth, in [0, 2] (Brier 1950, all
    classes summed).
    """
    rows = _as_rows(probabilities)
    truth = np.zeros_like(rows)
    truth[np.arange(len(rows)), _as_labels(labels, rows)] = 1.0
    return float(np.mean(((rows - truth) ** 2).sum(axis=1)))


def _as_rows(values: ArrayLike) -> Floats:
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"expected at least one row of (n, classes), got shape {rows.shape}")
    return rows


def _as_labels(labels: ArrayLike, rows: Floats) -> NDArray[np.int64]:
    targets = np.asarray(labels)
    if targets.shape != (len(rows),):
        raise ValueError(f"expected {len(rows)} labels, got shape {targets.shape}")
    if targets.min() < 0 or targets.max() >= rows.shape[1]:
        raise ValueError(f"labels must be in 0 … {rows.shape[1] - 1}")
    return targets.astype(np.int64)
