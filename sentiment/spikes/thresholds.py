"""How much evidence an alarm needs, so that a segment without incident stays within its budget of false alarms.

The table is a simulation of segments in which nothing happens (`tests/sentiment/spikes/threshold_table.py`), for a grid
of volumes, expected shares, correlations and spreads. Between its points the threshold is interpolated. It is looked up
for the volume of the last hours, so it follows when ten times as many messages come, or a tenth.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from math import exp, log, prod

import msgspec

from sentiment.spikes.baseline import Expected
from sentiment.spikes.season import logit_of

LOWEST_NATS = 1.0
_FEWEST_PER_BUCKET = 1e-3


class _Table(msgspec.Struct, frozen=True):
    """`nats` at one false alarm a week and `scale`, the nats that divide them by e, in the order of the grid."""

    per_bucket: tuple[float, ...]
    shares: tuple[float, ...]
    correlations: tuple[float, ...]
    spreads: tuple[float, ...]
    nats: tuple[float, ...]
    scale: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Axis:
    points: tuple[float, ...]

    def place(self, value: float) -> tuple[int, float]:
        """The point below `value`, and how far it is to the next, in [0, 1]. Outside of the axis its end counts."""
        value = min(max(value, self.points[0]), self.points[-1])
        below = min(bisect_right(self.points, value), len(self.points) - 1) - 1
        return below, (value - self.points[below]) / (self.points[below + 1] - self.points[below])


def threshold(expected: Expected, false_alarms_per_week: float) -> float:
    """The evidence (nats) at which a segment alarms, at least 1."""
    axes, table = _grid()
    values = (
        log(max(expected.per_bucket, _FEWEST_PER_BUCKET)),
        logit_of(expected.share),
        expected.correlation,
        expected.spread,
    )
    places = [axis.place(value) for axis, value in zip(axes, values, strict=True)]
    nats = scale = 0.0
    for corner in product((0, 1), repeat=len(axes)):
        weight = prod(part if upper else 1.0 - part for upper, (_, part) in zip(corner, places, strict=True))
        if weight == 0.0:
            continue
        cell = 0
        for axis, upper, (below, _) in zip(axes, corner, places, strict=True):
            cell = cell * len(axis.points) + below + upper
        nats += weight * log(table.nats[cell])
        scale += weight * log(table.scale[cell])
    return max(exp(nats) - exp(scale) * log(false_alarms_per_week), LOWEST_NATS)


@cache
def _grid() -> tuple[tuple[_Axis, ...], _Table]:
    table = msgspec.json.decode(files(__package__).joinpath("thresholds.json").read_bytes(), type=_Table)
    axes = (
        _Axis(tuple(map(log, table.per_bucket))),
        _Axis(tuple(map(logit_of, table.shares))),
        _Axis(table.correlations),
        _Axis(table.spreads),
    )
    return axes, table
