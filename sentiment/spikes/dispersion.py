"""How much more the share varies than sampling explains, without any incident: within minutes, and over hours.

*Correlation* (ρ) is between results of the same five minutes: one outage, one campaign. *Wander* is the standard
deviation of the logit of the share around what is expected, in hours: news, weekdays, releases. Both are estimated by
moments from the segment's own history, which fades, around a prior. The wander is what breaks budgets at high volume:
no number of results within an hour can tell it from a rise.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import msgspec

BUCKET_MINUTES = 5
WANDER_MINUTES = 180
WANDER_HALF_LIFE_MINUTES = 360.0
_LARGEST_BLOCK = 0.25
"""The most (squared logits) that three hours can add to the wander, so that one incident does not blind detection."""
_LARGEST_CORRELATION = 0.3
_LARGEST_WANDER = 0.8


@dataclass(frozen=True, slots=True)
class DispersionPrior:
    """What is assumed before there is history, and its weight: in pairs of results, and in precision squared."""

    correlation: float = 0.01
    pairs: float = 2_000.0
    wander: float = 0.1
    precision: float = 25_000.0
    half_life_minutes: float = 20_160.0


class Excess(msgspec.Struct, array_like=True):
    """Moments of the results within five minutes: squared surprise beyond sampling, and pairs of results."""

    surprise: float = 0.0
    pairs: float = 0.0

    def add(self, n: int, negatives: int, share: float) -> None:
        """Add the results of five minutes of which a `share` in (0, 1) was expected."""
        self.surprise += (negatives - n * share) ** 2 / (share * (1.0 - share)) - n
        self.pairs += n * (n - 1)


class Hours(msgspec.Struct, array_like=True):
    """Sums over the blocks of three hours: residuals, information, information × design effect, and doubt."""

    place: int = -1
    residual: float = 0.0
    information: float = 0.0
    sampling: float = 0.0
    doubt: float = 0.0
    kept: float = 1.0


class Dispersion(msgspec.Struct):
    """The moments so far, and the sums of the current three hours."""

    within: Excess = msgspec.field(default_factory=Excess)
    surprise: float = 0.0
    precision: float = 0.0
    hours: Hours = msgspec.field(default_factory=Hours)

    def add(
        self,
        minute: int,
        n: int,
        negatives: int,
        *,
        share: float,
        doubt: float,
        design_effect: float,
        prior: DispersionPrior,
        weight: float = 1.0,
    ) -> None:
        """Add results around `minute`, of which a `share` was expected.

        Args:
            minute: since 1970.
            n: how many.
            negatives: of these.
            share: in (0, 1).
            doubt: the variance of the logit because it is only estimated.
            design_effect: of the block, at least 1.
            prior: what is assumed of a segment.
            weight: in (0, 1]; the three hours count with the least of their blocks' weights.
        """
        place = minute // WANDER_MINUTES
        if place != self.hours.place:
            self._close(prior)
            self.hours = Hours(place)
        information = n * share * (1.0 - share)
        self.hours.residual += negatives - n * share
        self.hours.information += information
        self.hours.sampling += information * design_effect
        self.hours.doubt = max(self.hours.doubt, doubt)
        self.hours.kept = min(self.hours.kept, weight)

    def add_within(self, excess: Excess) -> None:
        """Add what five-minute buckets have shown."""
        self.within.surprise += excess.surprise
        self.within.pairs += excess.pairs

    def fade(self, minutes: int, prior: DispersionPrior) -> None:
        """Forget a part of the history."""
        kept = 0.5 ** (minutes / prior.half_life_minutes)
        self.within.surprise *= kept
        self.within.pairs *= kept
        self.surprise *= kept
        self.precision *= kept

    def wander(self, prior: DispersionPrior) -> float:
        """Standard deviation of the logit over hours, in [0, 0.8]."""
        variance = (self.surprise + prior.wander**2 * prior.precision) / (self.precision + prior.precision)
        return min(sqrt(max(variance, 0.0)), _LARGEST_WANDER)

    def correlation(self, share: float, prior: DispersionPrior) -> float:
        """ρ of results within five minutes, in [0, 0.3], beyond what the wander explains."""
        within = (self.within.surprise + prior.correlation * prior.pairs) / (self.within.pairs + prior.pairs)
        slow = max(self.surprise, 0.0) / (self.precision + prior.precision) * share * (1.0 - share)
        return min(max(within - slow, 0.0), _LARGEST_CORRELATION)

    def _close(self, prior: DispersionPrior) -> None:
        """Add the current three hours to the moments. The less they can tell, the less they count."""
        hours = self.hours
        if hours.information <= 0.0:
            return
        noise = hours.sampling / hours.information**2 + hours.doubt
        precision = hours.kept / (noise + prior.wander**2) ** 2
        self.surprise += precision * min((hours.residual / hours.information) ** 2 - noise, _LARGEST_BLOCK)
        self.precision += precision
