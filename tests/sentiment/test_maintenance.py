"""The file of maintenance windows: when they hold, and what is wrong with a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from sentiment.errors import ConfigurationError
from sentiment.settings import load_settings
from sentiment.spikes.silences import silenced_by

WINDOWS = """
[[once]]
segments = ["checkout*", "cart"]
starts = 2026-03-14T02:00:00+01:00
ends = 2026-03-14T04:00:00+01:00
reason = "upgrade"

[[weekly]]
days = ["saturday", "sunday"]
starts = 22:00:00
ends = 02:30:00
time_zone = "Europe/Berlin"
reason = "release"
"""


def reason(tmp_path: Path, segment: str, time: str) -> str | None:
    """Why a segment is silenced at a time."""
    file = tmp_path / "maintenance.toml"
    file.write_text(WINDOWS)
    rules = load_settings(None, {"alerts": {"maintenance_file": file}}).alerts.maintenance()
    at = datetime.fromisoformat(time)
    return silenced_by(rules, at)(segment, int(at.timestamp()) // 60)


@pytest.mark.parametrize(
    ("segment", "time", "why"),
    [
        ("checkout 2", "2026-03-14T01:00:00Z", "upgrade"),
        ("cart", "2026-03-14T02:59:00Z", "upgrade"),
        ("cart", "2026-03-14T03:00:00Z", None),
        ("other", "2026-03-14T01:00:00Z", None),
        ("other", "2026-03-14T20:59:00Z", None),
        ("other", "2026-03-14T21:00:00Z", "release"),  # 22:00 in Berlin on a Saturday
        ("other", "2026-03-15T01:29:00Z", "release"),  # the night after
        ("other", "2026-03-15T01:30:00Z", None),
        ("other", "2026-03-16T01:00:00Z", "release"),  # Sunday's goes on into Monday
        ("other", "2026-03-16T21:30:00Z", None),
        ("other", "2026-06-13T20:00:00Z", "release"),  # summer time
    ],
)
def test_windows_hold_in_their_time_zone(tmp_path: Path, segment: str, time: str, why: str | None) -> None:
    """Once, or on days of the week, also beyond midnight."""
    assert reason(tmp_path, segment, time) == why


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[[weekly", "is not TOML"),
        ('[[daily]]\nreason = "x"', "daily: Extra inputs"),
        ('[[once]]\nstarts = 2026-01-01T00:00:00Z\nends = 2026-01-01T00:00:00Z\nreason = "x"', "ends is not after"),
        ('[[once]]\nstarts = 2026-01-01T00:00:00\nends = 2026-01-02T00:00:00Z\nreason = "x"', "once.0.starts: "),
        ("[[once]]\nstarts = 2026-01-01T00:00:00Z\nends = 2026-01-02T00:00:00Z", "once.0.reason: Field required"),
        ('[[weekly]]\ndays = ["sun"]\nstarts = 01:00:00\nends = 02:00:00\nreason = "x"', "weekly.0.days.0: "),
        (
            '[[weekly]]\ndays = ["sunday"]\nstarts = 01:00:00\nends = 02:00:00\ntime_zone = "Mars"\nreason = "x"',
            "weekly.0.time_zone: Value error, not a time zone",
        ),
    ],
)
def test_a_faulty_file_is_refused_with_the_field(tmp_path: Path, content: str, fault: str) -> None:
    """Before any work."""
    file = tmp_path / "maintenance.toml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=fault):
        load_settings(None, {"alerts": {"maintenance_file": file}}).alerts.maintenance()


def test_a_missing_file_is_named() -> None:
    """With the setting that names it."""
    with pytest.raises(ConfigurationError, match=r"cannot read alerts\.maintenance_file /nowhere/m\.toml: No such"):
        load_settings(None, {"alerts": {"maintenance_file": "/nowhere/m.toml"}}).alerts.maintenance()
