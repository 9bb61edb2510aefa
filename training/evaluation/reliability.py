"""Calibration: bins of confidence, and the calibration error that chance alone would show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sentiment.calibration import expected_calibration_error
from sentiment.statistics import DEFAULT_RESAMPLES, Estimate, bootstrap_interval
from training.evaluation.metrics import log_losses
from training.evaluation.records import Bin, Reliability

N_BINS = 15
_CHANCE_DRAWS = 200


def measure_reliability(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    *,
    seed: int,
    n_resamples: int = DEFAULT_RESAMPLES,
) -> Reliability:
    """ECE, Brier score and log loss of `probabilities` (n, 3) against `labels` (n,), with intervals."""
    confidence = probabilities.max(axis=1)
    gaps = (probabilities.argmax(axis=1) == labels) - confidence
    bins = _bin_of(confidence)
    squares = ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)
    losses = log_losses(probabilities, labels)

    def estimate(value: float, of_rows: Callable[[NDArray[np.int64]], float]) -> Estimate:
        interval = bootstrap_interval(of_rows, len(labels), seed=seed, n_resamples=n_resamples)
        return interval.of(value)

    def mean_of(values: NDArray[np.float64]) -> Estimate:
        return estimate(float(values.mean()), lambda rows: float(values[rows].mean()))

    ece = expected_calibration_error(probabilities, labels)
    return Reliability(
        ece=estimate(ece, lambda rows: _ece(gaps[rows], bins[rows])),
        ece_by_chance=ece_by_chance(confidence, seed=seed),
        brier=mean_of(squares),
        nll=mean_of(losses),
        mean_confidence=float(confidence.mean()),
        bins=reliability_bins(probabilities, labels),
    )


def reliability_bins(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[Bin, ...]:
    """The bins of the expected calibration error, without the empty ones."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = _bin_of(confidence)
    return tuple(
        Bin(
            low=number / N_BINS,
            high=(number + 1) / N_BINS,
            n=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            accuracy=float(correct[inside].mean()),
        )
        for number in range(N_BINS)
        if (inside := bins == number).any()
    )


def ece_by_chance(confidence: NDArray[np.float64], *, seed: int) -> float:
    """The mean calibration error of rows with this `confidence` (n,) if the confidence is exactly right."""
    random = np.random.default_rng(seed)
    bins = _bin_of(confidence)
    draws = [_ece((random.random(len(confidence)) < confidence) - confidence, bins) for _ in range(_CHANCE_DRAWS)]
    return float(np.mean(draws))


def _bin_of(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each confidence: (lower, upper], as in ``expected_calibration_error``."""
    return np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)


def _ece(gaps: NDArray[np.float64], bins: NDArray[np.int64]) -> float:
    return float(np.abs(np.bincount(bins, weights=gaps, minlength=N_BINS)).sum() / len(gaps))
