"""Correlation within minutes and wander over hours, estimated from made-up segments that have them."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.spikes.dispersion import Dispersion, DispersionPrior, Excess

PRIOR = DispersionPrior()
HOURS = 180
SHARE = 0.2


def watched(deviation: float, correlation: float, *, days: int = 28, n: int = 40, weight: float = 1.0) -> Dispersion:
    """Three-hour blocks of 36 buckets, each block with a logit of its own."""
    rng = np.random.default_rng(3)
    dispersion = Dispersion()
    for block in range(days * 8):
        logit = np.log(SHARE / (1 - SHARE)) + rng.normal(0, deviation)
        share = np.full(36, 1 / (1 + np.exp(-logit)))
        if correlation:
            share = rng.beta(share * (1 / correlation - 1), (1 - share) * (1 / correlation - 1))
        negatives = rng.binomial(n, share)
        within = Excess()
        for bucket in negatives:
            within.add(n, int(bucket), SHARE)
        dispersion.fade(HOURS, PRIOR)
        dispersion.add_within(within)
        dispersion.add(
            block * HOURS,
            36 * n,
            int(negatives.sum()),
            share=SHARE,
            doubt=0.0,
            design_effect=1 + (n - 1) * correlation,
            prior=PRIOR,
            weight=weight,
        )
    return dispersion


def test_without_history_the_prior_is_assumed() -> None:
    """A new segment has the correlation and the wander of the settings."""
    assert Dispersion().wander(PRIOR) == pytest.approx(PRIOR.wander)
    assert Dispersion().correlation(SHARE, PRIOR) == pytest.approx(PRIOR.correlation)


@pytest.mark.parametrize("deviation", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("correlation", [0.0, 0.01, 0.05])
def test_what_is_there_is_found(deviation: float, correlation: float) -> None:
    """After four weeks both are known, and neither is taken for the other."""
    dispersion = watched(deviation, correlation)
    assert dispersion.wander(PRIOR) ** 2 == pytest.approx(deviation**2, abs=0.006, rel=0.35)  # its extremes are bounded
    assert dispersion.correlation(SHARE, PRIOR) == pytest.approx(correlation, abs=0.008, rel=0.3)


def test_one_incident_cannot_blind_the_detector() -> None:
    """Three hours in which everything is negative, learnt by mistake, add a bounded wander; known as one, less."""
    wanders = []
    for weight in (0.0, 0.25, 1.0):
        dispersion = watched(0.05, 0.01)
        if weight:
            dispersion.add(99_999, 1_440, 1_440, share=SHARE, doubt=0.0, design_effect=1.4, prior=PRIOR, weight=weight)
        dispersion.add(199_999, 1, 0, share=SHARE, doubt=0.0, design_effect=1.0, prior=PRIOR)
        wanders.append(dispersion.wander(PRIOR))
    assert wanders[0] < wanders[1] < wanders[2] < 0.12
