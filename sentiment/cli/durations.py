"""Durations on the command line: `90s`, `30m`, `12h`, `7d`."""

from __future__ import annotations

import re

import click

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d{1,6})([smhd])")


class Duration(click.ParamType[int]):
    """A whole number with a unit; its value is in milliseconds, at least one second."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return milliseconds."""
        found = _DURATION.fullmatch(str(value))
        if found is None or int(found[1]) == 0:
            self.fail(f"{value!r} is not a duration such as 90s, 30m, 12h or 7d", param, ctx)
        return int(found[1]) * _UNITS_MS[found[2]]
