"""Limits: what exceeds them, and where they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment.errors import ConfigurationError, InputError
from sentiment.statistics import Interval
from training.audit.behaviour import CapabilityResult
from training.audit.gaps import AttributeGaps, GroupOffset
from training.audit.report import AuditLimits, AuditReport, read_limits


def gaps(**changed: object) -> AttributeGaps:
    """An attribute within the limits, except for what is `changed`."""
    fair = {
        "attribute": "names",
        "n_pairs": 1000,
        "n_scenes": 40,
        "mean_abs_gap": 0.02,
        "interval": Interval(0.01, 0.03),
        "max_abs_gap": 0.1,
        "group_gap": 0.01,
        "flip_rate": 0.01,
        "flip_interval": Interval(0.0, 0.02),
        "worst": ("a", "b"),
        "groups": [],
    }
    return AttributeGaps(**(fair | changed))  # type: ignore[arg-type]


def report(*attributes: AttributeGaps, failures: int = 5) -> AuditReport:
    """A report with these attributes, and one capability of a hundred cases."""
    behaviour = CapabilityResult(
        capability="negation",
        n=100,
        failures=failures,
        rate=failures / 100,
        interval=Interval(0.0, 1.0),
        tests=[],
        examples=[],
    )
    return AuditReport(seed=1, n_texts=1, counterfactual=list(attributes), behaviour=[behaviour])


def test_a_limit_that_is_met_exactly_is_kept() -> None:
    """The targets are "at most": 0.02, 1 % and 5 % pass."""
    assert report(gaps()).violations(AuditLimits()) == []


@pytest.mark.parametrize(
    ("changed", "failures", "said"),
    [
        ({"mean_abs_gap": 0.021}, 0, "names: mean gap 0.0210 is above 0.02"),
        ({"flip_rate": 0.011}, 0, "names: 1.10% of the labels flip, above 1.00%"),
        ({}, 6, "negation: 6 of 100 cases fail (6.0%), above 5.0%"),
    ],
)
def test_each_limit_breaks_by_itself(changed: dict[str, object], failures: int, said: str) -> None:
    """Every limit gives one line that names what exceeds it."""
    assert report(gaps(**changed), failures=failures).violations(AuditLimits()) == [said]


def test_too_few_scenes_or_cases_are_not_judged() -> None:
    """Below the minimum n nothing is judged."""
    small = report(gaps(n_scenes=29, mean_abs_gap=0.5, flip_rate=0.5), failures=0)
    assert small.violations(AuditLimits()) == []
    assert len(small.violations(AuditLimits(min_n=29))) == 2
    assert report(failures=50).violations(AuditLimits(min_n=101)) == []


def test_a_dialect_is_judged_by_what_is_sure() -> None:
    """If the wording differs, wide single gaps pass, and an offset beyond the limit fails if it is significant."""

    def dialect(low: float, high: float) -> AttributeGaps:
        offset = GroupOffset(group="scottish", n=40, mean_offset=(low + high) / 2, interval=Interval(low, high))
        return gaps(wording=True, mean_abs_gap=0.2, flip_rate=0.04, groups=[offset])

    assert report(dialect(-0.3, 0.01)).violations(AuditLimits()) == []
    assert report(dialect(-0.3, -0.019)).violations(AuditLimits()) == []
    assert "scottish is off by -0.1650" in report(dialect(-0.3, -0.03)).violations(AuditLimits())[0]


def test_limits_are_read_from_toml_and_json(tmp_path: Path) -> None:
    """A file may set any of them; the others keep their defaults."""
    toml, json = tmp_path / "limits.toml", tmp_path / "limits.json"
    toml.write_text("max_gap = 0.05\n")
    json.write_text('{"max_failure_rate": 0.2, "min_n": 10}')
    assert read_limits(toml) == AuditLimits(max_gap=0.05)
    assert read_limits(json) == AuditLimits(max_failure_rate=0.2, min_n=10)


@pytest.mark.parametrize("content", ["max_gaps = 0.1", "max_gap = 'much'", "max_gap ="])
def test_a_file_of_something_else_is_refused(content: str, tmp_path: Path) -> None:
    """An unknown name, a wrong type or bad TOML is an error that lists the known names."""
    file = tmp_path / "limits.toml"
    file.write_text(content)
    with pytest.raises(ConfigurationError) as raised:
        read_limits(file)
    assert "max_flip_rate" in (raised.value.hint or "")


def test_the_ending_tells_toml_from_json(tmp_path: Path) -> None:
    """In any case of letters; another one is refused."""
    for name in ("limits.JSON", "limits.yaml"):
        (tmp_path / name).write_text('{"min_n": 10}')
    assert read_limits(tmp_path / "limits.JSON").min_n == 10
    with pytest.raises(InputError, match="is not a name for limits"):
        read_limits(tmp_path / "limits.yaml")


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    """Without the file of limits there is no audit: exit code 2."""
    with pytest.raises(InputError):
        read_limits(tmp_path / "none.toml")
