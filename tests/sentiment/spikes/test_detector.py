"""Statistics against brute force and scipy."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from sentiment.spikes.baseline import Expected
from sentiment.spikes.buckets import MinuteCounts
from sentiment.spikes.detector import (
    DetectorConfig,
    Evidence,
    Recent,
    beta_binomial_tail,
    chance,
    log_likelihood_ratio,
    raised_share,
    strongest,
)
from sentiment.spikes.thresholds import threshold

shares = st.floats(0.01, 0.9)
minutes = st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), max_size=60)


@settings(deadline=None)
@given(st.integers(0, 400), st.floats(0, 1), st.floats(0.05, 500), st.floats(0.05, 500))
@example(400, 1.0, 0.05, 500)
@example(400, 0.5, 300, 300)
def test_the_tail_is_that_of_scipy(n: int, place: float, a: float, b: float) -> None:
    """P(X ≥ k) of the beta-binomial, from certain down to vanishing."""
    k = round(place * n)
    masses = stats.betabinom.pmf(range(k, n + 1), n, a, b)
    assert beta_binomial_tail(k, n, a, b) == pytest.approx(float(masses.sum()), rel=1e-7, abs=1e-12)


def test_the_tail_of_a_large_window_is_finite() -> None:
    """A hundred thousand results neither overflow nor leave [0, 1]."""
    assert beta_binomial_tail(10, 100_000, 20_000, 80_000) == pytest.approx(1.0)
    assert 0.0 < beta_binomial_tail(20_700, 100_000, 20_000, 80_000) < 1e-3
    assert beta_binomial_tail(5, 4, 1, 1) == 0.0


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(0, 50), shares, st.floats(1.1, 8))
def test_the_likelihood_ratio_is_that_of_scipy(negatives: int, others: int, share: float, odds_ratio: float) -> None:
    """It equals the difference of two binomial log-likelihoods, and the raised share has the raised odds."""
    binom = stats.binom
    raised = raised_share(share, odds_ratio)
    assert raised / (1 - raised) == pytest.approx(odds_ratio * share / (1 - share))
    n = negatives + others
    expected = binom.logpmf(negatives, n, raised) - binom.logpmf(negatives, n, share)
    assert log_likelihood_ratio(n, negatives, share, odds_ratio) == pytest.approx(float(expected), abs=1e-7)


@settings(deadline=None)
@given(minutes, shares)
def test_the_cusum_is_the_best_sum_over_all_starts(counts: list[tuple[int, float]], share: float) -> None:
    """At each minute it is the largest sum of steps that ends there (or zero), and its counts are that sum's."""
    evidence, recent, steps = Evidence(), Recent(), []
    for minute, (n, part) in enumerate(counts):
        negatives = round(n * part)
        design_effect = recent.design_effect(MinuteCounts(minute, n, negatives), 0.01)
        trailing = sum(m for m, _ in counts[max(0, minute - 4) : minute + 1])
        assert design_effect == pytest.approx(1 + (trailing - 1) * 0.01)
        evidence.add(MinuteCounts(minute, n, negatives), design_effect, share, 2.0)
        steps.append((log_likelihood_ratio(n, negatives, share, 2.0) / design_effect, n, negatives))
        sums = [sum(step for step, _, _ in steps[start:]) for start in range(minute + 1)]
        assert evidence.statistic == pytest.approx(max(0.0, *sums), abs=1e-9)
        if evidence.since is not None:
            window = steps[evidence.since :]
            assert (evidence.n, evidence.negatives) == (sum(w[1] for w in window), sum(w[2] for w in window))


def test_less_certainty_makes_less_surprising() -> None:
    """The same window is the more probable the less is known of what is normal, and the more alike its results are."""
    sure = Expected(share=0.15, spread=0.04)
    unsure = Expected(share=0.15, spread=0.4)
    plain = chance(60, 22, 60.0, sure)
    assert plain < 1e-3
    assert plain < chance(60, 22, 90.0, sure)
    assert plain < chance(60, 22, 60.0, unsure)
    assert chance(60, 22, 60.0, Expected(share=0.15, spread=0.0)) <= plain
    assert sure.cautious(1.0) < unsure.cautious(1.0) < 1.0


def test_an_alarm_needs_evidence_and_results() -> None:
    """Each of the two alone keeps it silent, and the strongest arm with enough results raises it."""
    expected = Expected(share=0.1, spread=0.05)
    config = DetectorConfig(min_n=8)
    nats = threshold(expected, config.false_alarms_per_week)
    loud = Evidence(nats + 1.0, 0, 20, 30, 15, 31.0)
    louder_but_few = Evidence(nats + 2.0, 10, 20, 7, 7, 7.0)
    assert strongest([loud, louder_but_few], expected, config) is loud
    assert strongest([Evidence(nats - 0.01, 0, 20, 30, 15, 31.0)], expected, config) is None
    assert strongest([louder_but_few], expected, config) is None
    assert strongest([], expected, config) is None
