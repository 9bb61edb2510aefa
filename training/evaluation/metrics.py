"""The metrics of one set of predictions as plain numbers, for manifests and comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.calibration import brier_score, expected_calibration_error
from sentiment.events import LABELS
from sentiment.statistics import accuracy_of, confusion_table, f1_of, macro_f1_of, macro_recall_of

# One true label with probability 0 would make the mean infinite, whatever the other rows are like.
_LEAST_PROBABILITY = 1e-12


def quality(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, Any]:
    """All metrics of `probabilities` (n, 3) against `labels` (n,) in 0 … 2, as plain values for a manifest."""
    table = confusion_table(labels, probabilities.argmax(axis=1))
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


def log_loss(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean −log p(label) in nats. Three equal probabilities give 1.099."""
    return float(log_losses(probabilities, labels).mean())


def log_losses(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,): −log p(label) of each row, in nats."""
    of_label = probabilities[np.arange(len(labels)), labels]
    losses: NDArray[np.float64] = -np.log(np.maximum(of_label, _LEAST_PROBABILITY))
    return losses
