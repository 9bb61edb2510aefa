"""McNemar's test against its formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.comparison.mcnemar import mcnemar, mcnemar_of


@given(st.integers(0, 400), st.integers(0, 400))
def test_few_discordant_rows_get_the_exact_binomial_test(only_a: int, only_b: int) -> None:
    """The p-value is twice the smaller tail of a fair coin, at most 1."""
    n, smaller = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, k) for k in range(smaller + 1)) / 2**n
    found = mcnemar_of(only_a, only_b)
    assert found.exact
    assert found.p_value == pytest.approx(min(1.0, 2 * tail), rel=1e-9)


def test_many_discordant_rows_get_chi_square_with_continuity_correction() -> None:
    """The p-value is erfc(√(χ²/2)), the upper tail of χ² with one degree of freedom."""
    found = mcnemar_of(560, 480)
    statistic = (abs(560 - 480) - 1) ** 2 / (560 + 480)
    assert not found.exact
    assert found.p_value == pytest.approx(math.erfc(math.sqrt(statistic / 2)), rel=1e-9)


def test_both_tests_nearly_agree_where_they_meet() -> None:
    """Just below and above the limit the p-values differ by little, so that the change of test decides nothing."""
    assert mcnemar_of(530, 469).p_value == pytest.approx(mcnemar_of(530, 470).p_value, abs=0.01)


def test_only_rows_that_one_model_gets_right_count() -> None:
    """Rows on which both are right or both wrong leave the counts alone."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    found = mcnemar(labels, np.array([0, 0, 1, 0, 0, 0]), np.array([0, 1, 0, 1, 1, 0]))
    assert (found.only_a, found.only_b) == (2, 1)


def test_the_same_answers_never_differ() -> None:
    """Without a discordant row p is 1."""
    assert mcnemar_of(0, 0).p_value == 1.0
