"""How accurate is the model on texts that nobody has labelled? Three estimates, and what each assumes.

- `mean_confidence` assumes that the probabilities are still calibrated. Then the mean of the top probability is the
  share of right answers. But a model stays confident on texts of another kind, so this estimate is too high just when
  it matters.
- `difference_of_confidences` (DoC; Guillory et al. 2021) takes the accuracy on labelled reference results, and
  subtracts how far the mean confidence has fallen since. A constant miscalibration cancels out. It assumes that
  accuracy falls as much as confidence does.
- `average_thresholded_confidence` (ATC; Garg et al. 2022) finds the confidence that as many reference results fall
  below as were wrong, and reports the share above it now. It assumes that the results below it are still the wrong
  ones. If right and wrong answers have similar confidences, it exaggerates every change: in a simulation with a
  calibrated model and evenly spread confidences, it estimated 0.22 when accuracy had fallen from 0.87 to 0.67. Read it
  as a pessimistic estimate.

No estimate can work for every shift (Garg et al. prove it). If words change their meaning but confidence stays the
same, all three see nothing. Late labels are the check.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from sentiment.drift.profile import Profile
from sentiment.statistics import Z95, Estimate

MIN_REFERENCE_PAIRS = 50
"""How many labelled reference results DoC and ATC need. With fewer, their own error exceeds ±14 points."""


class AccuracyEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """Shares in [0, 1]. The interval of `mean_confidence` is what chance alone would do to a calibrated model.

    The others are None until there are `MIN_REFERENCE_PAIRS` labelled reference results (`n_reference`).
    """

    mean_confidence: Estimate
    difference_of_confidences: float | None
    average_thresholded_confidence: float | None
    n_reference: int


@dataclass(frozen=True, slots=True)
class ReferencePair:
    """A labelled reference result: the model's confidence, whether it was right, and its weight."""

    confidence: float
    right: bool
    weight: float = 1.0


def estimate_accuracy(window: Profile, reference: Sequence[ReferencePair]) -> AccuracyEstimate:
    """The estimates for a window with at least one result."""
    n = window.n
    mean = window.confidence_sum / n
    # The variance of a sum of independent trials with these chances, each right with its confidence.
    spread = Z95 * math.sqrt(max(window.confidence_sum - window.confidence_square_sum, 0.0)) / n
    interval = Estimate(value=mean, low=max(0.0, mean - spread), high=min(1.0, mean + spread))
    doc = atc = None
    if len(reference) >= MIN_REFERENCE_PAIRS:
        weights = np.array([pair.weight for pair in reference])
        right = np.array([pair.right for pair in reference], dtype=np.float64)
        confidences = np.array([pair.confidence for pair in reference])
        measured = float(np.average(right, weights=weights))
        doc = min(1.0, max(0.0, measured - (float(np.average(confidences, weights=weights)) - mean)))
        atc = _share_above(window, atc_threshold(confidences, weights, measured))
    return AccuracyEstimate(
        mean_confidence=interval,
        difference_of_confidences=doc,
        average_thresholded_confidence=atc,
        n_reference=len(reference),
    )


def atc_threshold(confidences: np.ndarray, weights: np.ndarray, accuracy: float) -> float:
    """The confidence that a weighted share of 1 − `accuracy` of the reference falls below."""
    order = np.argsort(confidences, kind="stable")
    below = np.cumsum(weights[order]) / weights.sum()
    place = int(np.searchsorted(below, 1.0 - accuracy, side="right"))
    return float(confidences[order][min(place, len(order) - 1)])


def _share_above(window: Profile, threshold: float) -> float:
    """The share of the window at or above `threshold`, to a thousandth of confidence."""
    limit = int(threshold * 1000)
    above = sum(count for thousandth, count in window.confidence_thousandths.items() if thousandth >= limit)
    return above / window.n
