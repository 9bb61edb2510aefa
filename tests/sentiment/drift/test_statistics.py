"""Divergences, tests and estimates against scipy, scikit-learn and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency
from sklearn.metrics import accuracy_score, f1_score

from sentiment.drift.accuracy import ReferencePair, estimate_accuracy
from sentiment.drift.divergence import g_statistic, jensen_shannon_distance, population_stability_index
from sentiment.drift.features import DriftObservation
from sentiment.drift.profile import Profile
from sentiment.drift.quality import PairCounts
from sentiment.drift.significance import permutation_p_value

histograms = st.integers(2, 12).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 300), min_size=bins, max_size=bins)] * 2)
)


@given(histograms.filter(lambda pair: sum(pair[0]) > 0 and sum(pair[1]) > 0))
def test_the_jensen_shannon_distance_is_scipys(pair: tuple[list[int], list[int]]) -> None:
    """Base 2, with counts turned into shares."""
    first, second = pair
    expected = jensenshannon(np.array(first) / sum(first), np.array(second) / sum(second), base=2)
    assert jensen_shannon_distance(first, second) == pytest.approx(np.nan_to_num(expected), abs=1e-6)


@given(histograms)
def test_psi_is_symmetric_and_zero_for_equal_histograms(pair: tuple[list[int], list[int]]) -> None:
    """It is never negative, and the order of the histograms does not matter."""
    first, second = pair
    psi = population_stability_index(first, second)
    assert psi >= 0
    assert psi == pytest.approx(population_stability_index(second, first), abs=1e-9)
    assert population_stability_index(first, first) == 0


def test_the_g_statistic_and_its_p_value_are_those_of_the_likelihood_ratio_test() -> None:
    """They match scipy's contingency table, whose asymptotic p-value holds for counts this large."""
    first, second = np.array([300, 200, 500]), np.array([160, 120, 220])
    expected = chi2_contingency(np.array([first, second]), lambda_="log-likelihood")
    assert g_statistic(first + second, second)[0] == pytest.approx(expected.statistic)
    p_value = permutation_p_value(first, second, np.random.default_rng(1), n_draws=9_999)
    assert p_value == pytest.approx(expected.pvalue, abs=0.01)


def test_p_values_of_no_change_are_never_too_small() -> None:
    """Of 400 comparisons without a change, also with sparse bins, at most about a share of α show p ≤ α."""
    rng = np.random.default_rng(2)
    shares = np.array([0.7, 0.2, 0.05, 0.03, 0.01, 0.01])
    p_values = np.array(
        [
            permutation_p_value(rng.multinomial(120, shares), rng.multinomial(60, shares), rng, n_draws=999)
            for _ in range(400)
        ]
    )
    for alpha in (0.01, 0.05, 0.2):
        assert (p_values <= alpha).mean() <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 400)
    assert permutation_p_value([0, 0], [3, 4], rng, n_draws=99) == 1.0


def test_quality_is_scikit_learns_and_its_intervals_cover() -> None:
    """Weighted accuracy and macro-F1 match the oracle. A pair that is taken back leaves no trace."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 400)
    predicted = np.where(rng.random(400) < 0.7, truth, rng.integers(0, 3, 400))
    weights = np.where(rng.random(400) < 0.5, 1.0, 8.0)
    pairs = PairCounts()
    for each in zip(truth.tolist(), predicted.tolist(), weights.tolist(), strict=True):
        pairs.add(*each)
    pairs.add(0, 1, 5.0)
    pairs.take_back(0, 1, 5.0)
    quality = pairs.quality(seed=1)
    assert quality is not None
    assert quality.n == 400
    assert quality.accuracy.value == pytest.approx(accuracy_score(truth, predicted, sample_weight=weights))
    assert quality.macro_f1.value == pytest.approx(f1_score(truth, predicted, average="macro", sample_weight=weights))
    assert quality.macro_f1.low < quality.macro_f1.value < quality.macro_f1.high
    assert quality.effective_n == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def _profile(confidences: np.ndarray) -> Profile:
    profile = Profile()
    for confidence in confidences:
        profile.add(DriftObservation(0, "app", "1", "neutral", float(confidence), "en", 10, 0.0, 1.0))
    return profile


def test_accuracy_is_estimated_without_labels_where_the_assumptions_hold() -> None:
    """For a calibrated model on harder texts, two estimates are within three points, and ATC is too low."""
    rng = np.random.default_rng(4)
    easy, hard = rng.beta(8, 2, 4_000) * 0.66 + 0.34, rng.beta(3, 3, 4_000) * 0.66 + 0.34
    reference = [ReferencePair(float(c), bool(rng.random() < c)) for c in easy]
    truth = float((rng.random(4_000) < hard).mean())
    estimate = estimate_accuracy(_profile(hard), reference)
    assert estimate.mean_confidence.low <= truth <= estimate.mean_confidence.high
    assert estimate.difference_of_confidences == pytest.approx(truth, abs=0.03)
    assert estimate.average_thresholded_confidence is not None
    assert estimate.average_thresholded_confidence < truth


def test_atc_gives_back_the_reference_accuracy_on_the_reference() -> None:
    """With too few pairs, there is no estimate."""
    rng = np.random.default_rng(5)
    confidences = rng.random(2_000) * 0.66 + 0.34
    reference = [ReferencePair(float(c), bool(rng.random() < c - 0.1)) for c in confidences]
    estimate = estimate_accuracy(_profile(confidences), reference)
    accuracy = sum(pair.right for pair in reference) / len(reference)
    assert estimate.average_thresholded_confidence == pytest.approx(accuracy, abs=0.005)
    assert estimate.difference_of_confidences == pytest.approx(accuracy, abs=1e-9)
    assert estimate_accuracy(_profile(confidences), reference[:49]).difference_of_confidences is None
