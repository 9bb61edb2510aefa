"""Calibration: bins of confidence, and the calibration error that chance alone would show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sentiment.statistics import DEFAULT_RESAMPLES, Estimate, Floats, Ints, bootstrap_interval
from training.evaluation.metrics import (
    N_BINS,
    bin_of,
    binned_gap,
    expected_calibration_error,
    log_losses,
    squared_errors,
)
from training.evaluation.records import Bin, Reliability

_CHANCE_DRAWS = 200


def measure_reliability(
    probabilities: Floats,
    labels: Ints,
    *,
    seed: int,
    n_resamples: int = DEFAULT_RESAMPLES,
) -> Reliability:
    """ECE, Brier score and log loss of `probabilities` (n, 3) against `labels` (n,), with intervals."""
    confidence = probabilities.max(axis=1)
    gaps = (probabilities.argmax(axis=1) == labels) - confidence
    bins = bin_of(confidence)

    def estimate(value: float, of_rows: Callable[[Ints], float]) -> Estimate:
        interval = bootstrap_interval(of_rows, len(labels), seed=seed, n_resamples=n_resamples)
        return interval.of(value)

    def mean_of(values: Floats) -> Estimate:
        return estimate(float(values.mean()), lambda rows: float(values[rows].mean()))

    ece = expected_calibration_error(probabilities, labels)
    return Reliability(
        ece=estimate(ece, lambda rows: binned_gap(gaps[rows], bins[rows])),
        ece_by_chance=ece_by_chance(confidence, seed=seed),
        brier=mean_of(squared_errors(probabilities, labels)),
        nll=mean_of(log_losses(probabilities, labels)),
        mean_confidence=float(confidence.mean()),
        bins=reliability_bins(probabilities, labels),
    )


def reliability_bins(probabilities: Floats, labels: Ints) -> tuple[Bin, ...]:
    """The bins of the expected calibration error, without the empty ones."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = bin_of(confidence)
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


def ece_by_chance(confidence: Floats, *, seed: int) -> float:
    """The mean calibration error of rows with this `confidence` (n,) if the confidence is exactly right."""
    random = np.random.default_rng(seed)
    bins = bin_of(confidence)
    draws = [binned_gap((random.random(len(confidence)) < confidence) - confidence, bins) for _ in range(_CHANCE_DRAWS)]
    return float(np.mean(draws))
