"""Maintenance windows: times at which nobody wants to be told of episodes, in a file of their own.

    [[once]]
    segments = ["checkout*"]
    starts = 2026-03-14T02:00:00Z
    ends = 2026-03-14T04:00:00Z
    reason = "database upgrade"

    [[weekly]]
    days = ["saturday", "sunday"]
    starts = 22:00:00
    ends = 02:00:00
    time_zone = "Europe/Berlin"
    reason = "release"

Without `segments` a window is for all of them. A weekly one that goes beyond midnight belongs to the day on which it
starts.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, Field, TypeAdapter, field_validator, model_validator

from sentiment.settings.section import Section
from sentiment.settings.side_file import read_side_file
from sentiment.spikes.silences import Rule, matches

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_DAYS: tuple[Day, ...] = get_args(Day)
_MAX_WINDOWS = 1_000


class _Window(Section):
    segments: list[str] = Field(default=["*"], min_length=1)
    reason: str = Field(min_length=1, max_length=2_000)

    def _means(self, segment: str) -> bool:
        return any(matches(pattern, segment) for pattern in self.segments)


class OneWindow(_Window):
    """From `starts` up to, but not including, `ends`. In `segments` a `*` stands for any text."""

    starts: AwareDatetime
    ends: AwareDatetime

    @model_validator(mode="after")
    def _ordered(self) -> OneWindow:
        if self.starts >= self.ends:
            raise ValueError("ends is not after starts")
        return self

    def covers(self, segment: str, time: datetime) -> bool:
        """Whether it holds for a segment at a time."""
        return self.starts <= time < self.ends and self._means(segment)


class WeeklyWindow(_Window):
    """On each of `days`, from `starts` up to, but not including, `ends`. In `segments` a `*` stands for any text."""

    days: list[Day] = Field(min_length=1)
    starts: time
    ends: time
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("not a time zone of this machine, such as Europe/Berlin") from None
        return name

    @model_validator(mode="after")
    def _lasts(self) -> WeeklyWindow:
        if self.starts == self.ends:
            raise ValueError("starts and ends are the same")
        return self

    def covers(self, segment: str, time: datetime) -> bool:
        """Whether it holds for a segment at a time, which knows its zone."""
        if not self._means(segment):
            return False
        local = time.astimezone(ZoneInfo(self.time_zone))
        now = local.time()
        if self.starts < self.ends:
            return self.starts <= now < self.ends and self._on(local)
        return (now >= self.starts and self._on(local)) or (now < self.ends and self._on(local - timedelta(days=1)))

    def _on(self, local: datetime) -> bool:
        return _DAYS[local.weekday()] in self.days


class Maintenance(Section):
    """The content of a file of maintenance windows."""

    once: list[OneWindow] = Field(default=[], max_length=_MAX_WINDOWS)
    weekly: list[WeeklyWindow] = Field(default=[], max_length=_MAX_WINDOWS)


def load_maintenance(path: Path) -> list[Rule]:
    """The windows in a file.

    Raises:
        ConfigurationError: it cannot be read; names each faulty field.
    """
    found = read_side_file(path, TypeAdapter(Maintenance), "alerts.maintenance_file", "docs/alerts.md")
    return [*found.once, *found.weekly]
