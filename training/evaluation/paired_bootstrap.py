"""Is one model better than another on the same rows? A paired bootstrap of their difference in macro-F1."""

from __future__ import annotations

from dataclasses import dataclass

from sentiment.statistics import (
    DEFAULT_RESAMPLES,
    Estimate,
    Floats,
    Ints,
    joint_counts,
    macro_f1_of,
    percentile_interval,
    resample_counts,
)


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Macro-F1 of a minus that of b on the same rows, with its 95 % interval.

    `p_value` is two-sided: twice the share of resamples whose difference is 0 or has the other sign. It is never below
    2 / (n_resamples + 1).
    """

    macro_f1: Estimate
    p_value: float


def paired_bootstrap(
    labels: Ints, predictions_a: Ints, predictions_b: Ints, *, seed: int, n_resamples: int = DEFAULT_RESAMPLES
) -> PairedDifference:
    """How much better `predictions_a` (n,) are than `predictions_b` (n,) against the same `labels` (n,), in macro-F1.

    Rows are resampled once for both, through the counts of (label, a, b), so the cost does not grow with n.
    """
    counts = joint_counts(labels, predictions_a, predictions_b)
    differences = _difference(resample_counts(counts, n_resamples=n_resamples, seed=seed))
    opposite = min(int((differences <= 0.0).sum()), int((differences >= 0.0).sum()))
    return PairedDifference(
        macro_f1=percentile_interval(differences).of(float(_difference(counts))),
        p_value=min(1.0, 2.0 * (opposite + 1) / (n_resamples + 1)),
    )


def _difference(counts: Ints) -> Floats:
    """(…, label, a, b) counts to (…) differences: the confusion table of each is the sum over the other's axis."""
    return macro_f1_of(counts.sum(axis=-1)) - macro_f1_of(counts.sum(axis=-2))
