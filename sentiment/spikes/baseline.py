"""The expected share of negatives in a segment, how well it is known, and how much it varies without any incident.

Simple on purpose: a beta posterior from the segment's own history, which fades with a half-life, around a prior share
for all segments. There is no seasonal model. A share that swings over the day is covered by its *wander*: the variance
of the share between blocks of three hours beyond what sampling explains, estimated by moments. Wander makes the
detector less sure instead of wrong. The interface (`expected(minute)`) leaves room for a season.

The minutes of an episode update only the wander, and only with a fraction of their weight. Excluding them altogether
would make the same level look unusual for ever (Noufaily et al. 2013).

A new segment only learns until it has shown `learn_n` results. Its normal share (most app reviews are negative, most
praise is not) must not look like a spike against the prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import msgspec

MINUTES_A_DAY = 1_440
BLOCK_MINUTES = 180
_MAX_BLOCK_WANDER = 0.05
"""The most wander that one block can add. Without a limit, one incident would blind the detector to the next."""


@dataclass(frozen=True, slots=True)
class BaselineConfig:
    """`prior_share` in (0, 1) weighs like `prior_n` results. History loses half its weight in `half_life_days`."""

    prior_share: float = 0.2
    prior_n: float = 4.0
    half_life_days: float = 14.0
    learn_n: float = 40.0
    reanchor_n: float = 10.0
    """Weight of the history that remains when the model changes or a new level is accepted, in results."""

    prior_wander: float = 0.003
    prior_pairs: float = 5_000.0
    """The weight of the wander's prior, in pairs of results within a block."""

    episode_weight: float = 0.25
    """The fraction of an episode's evidence that updates the wander."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is normal: `share` in (0, 1), known as well as from `certainty` independent results.

    `wander` is the variance of the true share between blocks, divided by share × (1 − share). It is a correlation, in
    [0, 1).
    """

    share: float
    certainty: float
    wander: float
    ready: bool
    """False while the segment is still learning and must not alarm."""

    @property
    def correlation(self) -> float:
        """Intra-window correlation caused by uncertainty in the baseline: in its estimate, and by its wander."""
        return 1.0 / (self.certainty + 1.0) + self.wander

    def cautious(self, deviations: float) -> float:
        """`share` raised by `deviations` standard deviations, at most half-way to 1. A rise has to exceed it."""
        spread = sqrt(self.share * (1.0 - self.share) * self.correlation)
        return min(self.share + deviations * spread, 0.5 * (1.0 + self.share))


class Wander(msgspec.Struct):
    """Moments of the share between blocks, and the counts of the current block."""

    block: int | None = None
    n: int = 0
    negatives: int = 0
    excess: float = 0.0
    pairs: float = 0.0

    def add(self, minute: int, n: int, negatives: int, *, share: float, kept: float) -> None:
        """Count results. A new block closes the previous one against `share`; older moments keep a fraction `kept`."""
        self.excess *= kept
        self.pairs *= kept
        block = minute // BLOCK_MINUTES
        if block != self.block:
            self.close(share, 1.0)
            self.block = block
        self.n += n
        self.negatives += negatives

    def close(self, share: float, weight: float) -> None:
        """Add the current block to the moments, and empty it."""
        pairs = self.n * (self.n - 1)
        surprise = (self.negatives - self.n * share) ** 2 / (share * (1.0 - share)) - self.n
        self.excess += weight * min(surprise, _MAX_BLOCK_WANDER * pairs)
        self.pairs += weight * pairs
        self.n, self.negatives = 0, 0

    def estimate(self, config: BaselineConfig) -> float:
        """The wander, shrunk towards the prior while there are few pairs; in [0, 0.2]."""
        prior = config.prior_wander * config.prior_pairs
        return min(max((self.excess + prior) / (self.pairs + config.prior_pairs), 0.0), 0.2)


class Baseline(msgspec.Struct):
    """The history of one segment: counts that have faded up to `minute`, the latest minute that was learnt."""

    n: float = 0.0
    negatives: float = 0.0
    minute: int | None = None
    learnt_n: int = 0
    wander: Wander = msgspec.field(default_factory=Wander)

    def expected(self, minute: int, config: BaselineConfig) -> Expected:
        """What is normal at a minute."""
        kept = self._kept_at(minute, config)
        certainty = self.n * kept + config.prior_n
        share = (self.negatives * kept + config.prior_share * config.prior_n) / certainty
        wander = self.wander.estimate(config)
        return Expected(share=share, certainty=certainty, wander=wander, ready=self.learnt_n >= config.learn_n)

    def learn(self, minute: int, n: int, negatives: int, *, weight: float, config: BaselineConfig) -> None:
        """Add normal results up to `minute`. `weight` in (0, 1] discounts correlated results."""
        kept = self._kept_at(minute, config)
        share = self.expected(minute, config).share
        self.wander.add(minute, n, negatives, share=share, kept=kept)
        self.n = self.n * kept + n * weight
        self.negatives = self.negatives * kept + negatives * weight
        self.minute = minute if self.minute is None else max(minute, self.minute)
        self.learnt_n += n

    def learn_episode(self, minute: int, n: int, negatives: int, config: BaselineConfig) -> None:
        """Learn from an ended episode how much the share can wander, but nothing about its level."""
        share = self.expected(minute, config).share
        self.wander.close(share, 1.0)
        self.wander.n, self.wander.negatives = n, negatives
        self.wander.close(share, config.episode_weight)

    def reanchor(self, share: float | None, config: BaselineConfig) -> None:
        """Forget most of the history and learn again, from `share` if a new level is known."""
        level = share if share is not None else (self.negatives / self.n if self.n > 0 else config.prior_share)
        self.n = min(config.reanchor_n, self.n) if share is None else config.reanchor_n
        self.negatives = self.n * level
        self.learnt_n = 0

    def _kept_at(self, minute: int, config: BaselineConfig) -> float:
        if self.minute is None or minute <= self.minute:
            return 1.0
        return exp(log(0.5) * (minute - self.minute) / (config.half_life_days * MINUTES_A_DAY))
