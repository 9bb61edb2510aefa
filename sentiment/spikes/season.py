"""The usual share of negatives over the day and the week: a logistic regression that learns block by block.

The logit of the share is a level, two daily harmonics and one weekly one. What is known of the seven coefficients is a
normal distribution. It begins as a ridge prior, every block of results makes it narrower (an extended Kalman filter,
with the maximum found by Newton's method), and a slow random walk makes it wider, so that old blocks fade. Many
segments are too small for one share per hour of the week; a few harmonics are known after days.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, log, pi, sin

import msgspec

MINUTES_A_DAY = 1_440
MINUTES_A_WEEK = 10_080
_NEWTON_STEPS = 20
_LARGEST_STEP = 2.0


@dataclass(frozen=True, slots=True)
class SeasonPrior:
    """Standard deviations of the coefficients before there is history, and of their drift in two weeks.

    One for the level, one for the first daily harmonic, one for each of the others, all in units of the logit.
    """

    share: float = 0.2
    level: float = 1.25
    day: float = 0.3
    other: float = 0.2
    level_drift: float = 0.07
    season_drift: float = 0.02

    def variances(self) -> tuple[float, ...]:
        """Of each coefficient."""
        return (self.level**2, *(self.day**2,) * 2, *(self.other**2,) * 4)

    def drift(self, minutes: int) -> tuple[float, ...]:
        """The variance that each coefficient gains in so many minutes."""
        part = minutes / (2 * MINUTES_A_WEEK)
        return (self.level_drift**2 * part, *(self.season_drift**2 * part,) * 6)


def features(minute: int) -> tuple[float, ...]:
    """Level, two daily harmonics and a weekly one at a minute since 1970."""
    day = 2 * pi * (minute % MINUTES_A_DAY) / MINUTES_A_DAY
    week = 2 * pi * (minute % MINUTES_A_WEEK) / MINUTES_A_WEEK
    return (1.0, sin(day), cos(day), sin(2 * day), cos(2 * day), sin(week), cos(week))


def share_of(logit: float) -> float:
    """The inverse of `logit_of`, within [1e-6, 1 − 1e-6]."""
    return min(max(1.0 / (1.0 + exp(-min(max(logit, -30.0), 30.0))), 1e-6), 1.0 - 1e-6)


def logit_of(share: float) -> float:
    """The logarithm of the odds of a share in (0, 1)."""
    return log(share / (1.0 - share))


class Season(msgspec.Struct):
    """The distribution of the coefficients: their means, and their covariances as seven rows of seven."""

    means: list[float]
    covariances: list[list[float]]

    @classmethod
    def unknown(cls, prior: SeasonPrior) -> Season:
        """Before there is history."""
        variances = prior.variances()
        rows = [[v if i == j else 0.0 for j in range(len(variances))] for i, v in enumerate(variances)]
        return cls([logit_of(prior.share), *[0.0] * (len(variances) - 1)], rows)

    def expected(self, minute: int) -> tuple[float, float]:
        """Mean and variance of the logit at a minute."""
        x = features(minute)
        projected = self._projected(x)
        return _dot(x, self.means), max(_dot(x, projected), 0.0)

    def learn(self, minute: int, n: int, negatives: int, *, noise: float) -> None:
        """Learn from a block around `minute` whose logit has the variance `noise` beyond binomial sampling.

        `noise` stands for correlated results and a wandering share; it bounds how much a large block can teach.
        """
        x = features(minute)
        projected = self._projected(x)
        before, variance = _dot(x, self.means), max(_dot(x, projected), 1e-12)
        after = _posterior_mode(before, variance, n, negatives, noise)
        weight = _information(after, n, noise)
        gain = (after - before) / variance
        shrink = weight / (1.0 + weight * variance)
        self.means = [mean + gain * p for mean, p in zip(self.means, projected, strict=True)]
        self.covariances = [
            [c - shrink * p * q for c, q in zip(row, projected, strict=True)]
            for row, p in zip(self.covariances, projected, strict=True)
        ]

    def drift(self, prior: SeasonPrior, minutes: int) -> None:
        """Forget a little of what was learnt so many minutes ago."""
        for place, gained in enumerate(prior.drift(minutes)):
            self.covariances[place][place] += gained

    def loosen(self, variance: float, level: float | None = None, minute: int = 0) -> None:
        """Doubt the level, but not the season. With `level` (a share), it is what is expected at `minute`."""
        self.covariances[0][0] += variance
        if level is not None:
            self.means[0] += logit_of(level) - self.expected(minute)[0]

    def _projected(self, x: tuple[float, ...]) -> list[float]:
        return [_dot(row, x) for row in self.covariances]


def _dot(left: list[float] | tuple[float, ...], right: list[float] | tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _information(logit: float, n: int, noise: float) -> float:
    """What `n` results tell about the logit: the inverse of its variance."""
    share = share_of(logit)
    binomial = n * share * (1.0 - share)
    return binomial / (1.0 + binomial * noise)


def _posterior_mode(mean: float, variance: float, n: int, negatives: int, noise: float) -> float:
    """The most probable logit, given a normal prior and binomial counts whose weight `noise` bounds."""
    logit = mean
    for _ in range(_NEWTON_STEPS):
        share = share_of(logit)
        discount = 1.0 / (1.0 + n * share * (1.0 - share) * noise)
        slope = (mean - logit) / variance + discount * (negatives - n * share)
        curvature = 1.0 / variance + _information(logit, n, noise)
        step = min(max(slope / curvature, -_LARGEST_STEP), _LARGEST_STEP)
        logit += step
        if abs(step) < 1e-9:
            break
    return logit
