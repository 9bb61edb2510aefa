"""Cost and energy against hand calculation, and assumptions from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment.errors import ConfigurationError
from training.comparison.cost import Assumptions, cost_of, read_assumptions


def test_a_million_events_cost_what_a_hand_calculation_gives() -> None:
    """3.6 ms of a core for each of a million texts is one busy hour, and two rented ones at half use."""
    assumed = Assumptions(price_per_core_hour=0.05, watts_per_core=6.0, utilisation=0.5)
    found = cost_of(cpu_s_per_text=0.0036, gpu_s_per_text=0.0, assumptions=assumed)
    assert found.core_hours_per_million == pytest.approx(2.0)
    assert found.price_per_million == pytest.approx(0.10)
    assert found.kwh_per_million == pytest.approx(0.012)
    assert found.gpu_hours_per_million == 0.0


def test_a_gpu_is_paid_for_beside_the_core_that_feeds_it() -> None:
    """Its hours, price and power are added to the core's."""
    assumed = Assumptions(
        price_per_core_hour=1.0, watts_per_core=10.0, price_per_gpu_hour=2.0, watts_per_gpu=500.0, utilisation=1.0
    )
    found = cost_of(cpu_s_per_text=0.0036, gpu_s_per_text=0.0018, assumptions=assumed)
    assert found.price_per_million == pytest.approx(1.0 + 0.5 * 2.0)
    assert found.kwh_per_million == pytest.approx((10.0 + 0.5 * 500.0) / 1000)


def test_flags_override_the_file_and_the_file_the_defaults(tmp_path: Path) -> None:
    """None of the overrides that are None counts."""
    file = tmp_path / "prices.toml"
    file.write_text('currency = "EUR"\nprice_per_core_hour = 0.02\n')
    found = read_assumptions(file, price_per_core_hour=0.03, watts_per_core=None)
    assert found == Assumptions(currency="EUR", price_per_core_hour=0.03)


@pytest.mark.parametrize("content", ["price_per_hour = 1", "utilisation = 0", "watts_per_core = 'many'", "= 1"])
def test_wrong_assumptions_are_refused(tmp_path: Path, content: str) -> None:
    """An unknown name, a value out of range, a wrong type, not TOML: exit code 2, not a silent default."""
    file = tmp_path / "prices.toml"
    file.write_text(content)
    with pytest.raises(ConfigurationError):
        read_assumptions(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message says which file cannot be read."""
    with pytest.raises(ConfigurationError, match=r"gone\.toml"):
        read_assumptions(tmp_path / "gone.toml")
