"""The metrics of one set of predictions as plain numbers, for manifests and comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

from sentiment.events import LABELS
from sentiment.statistics import Floats, Ints, accuracy_of, confusion_table, f1_of, macro_f1_of, macro_recall_of
from training.evaluation.predicting import Answers

N_BINS = 15
"""Bins of confidence, as in Guo et al. 2017."""

# One true label with probability 0 would make the mean infinite, whatever the other rows are like.
_LEAST_PROBABILITY = 1e-12


def quality(answers: Answers, labels: Ints) -> dict[str, Any]:
    """All metrics of `answers` against `labels` (n,) in 0 … 2, as plain values for a manifest."""
    probabilities = answers.probabilities
    table = confusion_table(labels, answers.chosen)
    return {
        "n": len(labels),
        "macro_f1": float(macro_f1_of(table)),
        "macro_recall": float(macro_recall_of(table)),
        "accuracy": float(accuracy_of(table)),
        "f1": dict(zip(LABELS, f1_of(table).tolist(), strict=True)),
        "ece": expected_calibration_error(probabilities, labels),
        "brier": brier_score(probabilities, labels),
        "nll": log_loss(probabilities, labels),
    }


def expected_calibration_error(probabilities: Floats, labels: Ints) -> float:
    """The mean gap between confidence (the top probability) and accuracy over the bins, weighted by their rows.

    In [0, 1]; 0 is perfect. It says nothing about the classes that are not predicted.
    """
    confidence = probabilities.max(axis=1)
    return binned_gap((probabilities.argmax(axis=1) == labels) - confidence, bin_of(confidence))


def bin_of(confidence: Floats) -> Ints:
    """(n,): the bin of each confidence. A bin is (lower, upper]."""
    return np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)


def binned_gap(gaps: Floats, bins: Ints) -> float:
    """The mean over rows of the |mean gap| of their bin; `gaps` (n,) are accuracy − confidence of each row."""
    return float(np.abs(np.bincount(bins, weights=gaps, minlength=N_BINS)).sum() / len(gaps))


def brier_score(probabilities: Floats, labels: Ints) -> float:
    """The mean of ``squared_errors``, in [0, 2] (Brier 1950, summed over all classes)."""
    return float(squared_errors(probabilities, labels).mean())


def squared_errors(probabilities: Floats, labels: Ints) -> Floats:
    """(n,): the squared distance between the probabilities of each row and its one-hot label."""
    errors: Floats = ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)
    return errors


def log_loss(probabilities: Floats, labels: Ints) -> float:
    """Mean −log p(label) in nats. Three equal probabilities give 1.099."""
    return float(log_losses(probabilities, labels).mean())


def log_losses(probabilities: Floats, labels: Ints) -> Floats:
    """(n,): −log p(label) of each row, in nats."""
    of_label = probabilities[np.arange(len(labels)), labels]
    losses: Floats = -np.log(np.maximum(of_label, _LEAST_PROBABILITY))
    return losses
