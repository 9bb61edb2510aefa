"""What is learnt to be normal."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.spikes.baseline import BLOCK_MINUTES, Baseline, BaselineConfig

CONFIG = BaselineConfig()
DAY = 1_440


def learnt(shares: list[float], per_block: int = 60) -> Baseline:
    """A baseline after one block of results at each of the shares."""
    rng = np.random.default_rng(7)
    baseline = Baseline()
    for block, share in enumerate(shares):
        negatives = int(rng.binomial(per_block, share))
        baseline.learn(block * BLOCK_MINUTES, per_block, negatives, weight=1.0, config=CONFIG)
    return baseline


def test_without_history_the_prior_is_expected() -> None:
    """A segment never seen has the prior's share, little certainty, and must not alarm."""
    expected = Baseline().expected(0, CONFIG)
    assert expected.share == CONFIG.prior_share
    assert expected.certainty == CONFIG.prior_n
    assert not expected.ready


def test_history_outweighs_the_prior() -> None:
    """After a hundred results the segment's own share is expected, with a hundred results' certainty."""
    baseline = Baseline()
    baseline.learn(10, 100, 60, weight=1.0, config=CONFIG)
    expected = baseline.expected(11, CONFIG)
    assert expected.share == pytest.approx(60.8 / 104, rel=1e-3)
    assert expected.certainty == pytest.approx(104, rel=1e-3)
    assert expected.ready


def test_history_is_forgotten_with_its_half_life() -> None:
    """After one half-life without results half of the certainty is left, of the same share."""
    baseline = Baseline()
    baseline.learn(0, 1_000, 300, weight=1.0, config=CONFIG)
    later = baseline.expected(round(CONFIG.half_life_days * DAY), CONFIG)
    assert later.certainty == pytest.approx(500 + CONFIG.prior_n)
    assert later.share == pytest.approx(0.3, abs=0.002)


def test_a_share_that_swings_is_known_to_wander() -> None:
    """A daily swing shows as wander of its variance; a steady share does not."""
    steady = learnt([0.3] * 160)
    swings = learnt([0.3 + 0.1 * np.sin(2 * np.pi * block / 8) for block in range(160)])
    assert steady.expected(0, CONFIG).wander < 0.004
    assert swings.expected(0, CONFIG).wander == pytest.approx(0.1**2 / 2 / (0.3 * 0.7), rel=0.35)


def test_one_block_cannot_blind_the_detector() -> None:
    """An incident that was learnt by mistake adds a bounded wander."""
    baseline = learnt([0.1] * 40)
    before = baseline.expected(0, CONFIG).wander
    baseline.learn_episode(40 * BLOCK_MINUTES, 200, 200, CONFIG)
    assert before < baseline.expected(0, CONFIG).wander < 0.02


def test_reanchoring_keeps_the_level_and_learns_again() -> None:
    """After a change of model the share stays, hardly certain, until enough is seen."""
    baseline = learnt([0.5] * 20)
    share = baseline.negatives / baseline.n
    baseline.reanchor(None, CONFIG)
    expected = baseline.expected(0, CONFIG)
    assert expected.certainty == pytest.approx(CONFIG.reanchor_n + CONFIG.prior_n)
    assert baseline.negatives / baseline.n == pytest.approx(share)
    assert not expected.ready
