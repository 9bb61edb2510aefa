"""The expected share of negatives of a segment, how well it is known, and how much it wanders without any incident.

Simple on purpose: the segment's own history, forgotten with a half-life, as a beta posterior around the prior share of
all segments. It knows no season; a share that swings over the day is met by its *wander*, the variance of the share
between blocks of three hours beyond what sampling explains (by moments), which makes the detector less sure instead of
wrong. The interface (`expected(minute)`) has room for a season. Minutes of an episode teach only the wander, and only
at a fraction: what is excluded entirely for looking unusual would look unusual for ever (Noufaily et al. 2013).

A fresh segment is only learnt from until it has shown `learn_n` results: a share that is normal for it (most app
reviews are negative, most praise is not) must not look like a spike against the prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import msgspec

MINUTES_A_DAY = 1_440
BLOCK_MINUTES = 180
_MAX_BLOCK_WANDER = 0.05
"""One block cannot claim more wander than this, or a single incident would blind the detector to the next."""


@dataclass(frozen=True, slots=True)
class BaselineConfig:
    """`prior_share` in (0, 1) counts as `prior_n` results; history loses half its weight in `half_life_days`."""

    prior_share: float = 0.2
    prior_n: float = 4.0
    half_life_days: float = 14.0
    learn_n: float = 40.0
    reanchor_n: float = 10.0
    """Weight that is left of the history when the model changes or a new level is accepted."""

    prior_wander: float = 0.003
    prior_pairs: float = 5_000.0
    """Pairs of results within a block that the prior of the wander counts for."""

    episode_weight: float = 0.25
    """Share of an episode's evidence that teaches the wander."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What would be normal: `share` in (0, 1), known as if from `certainty` independent results.

    `wander` is the variance of the true share between blocks over share × (1 − share), in [0, 1): a correlation.
    """

    share: float
    certainty: float
    wander: float
    ready: bool
    """False while the segment is still being learnt: it must not alarm."""

    @property
    def correlation(self) -> float:
        """How alike results of one window are for not knowing the share of that time: of estimate and wander."""
        return 1.0 / (self.certainty + 1.0) + self.wander

    def cautious(self, deviations: float) -> float:
        """`share` raised by some standard deviations, at most half-way to 1: a rise must exceed that."""
        spread = sqrt(self.share * (1.0 - self.share) * self.correlation)
        return min(self.share + deviations * spread, 0.5 * (1.0 + self.share))


class Wander(msgspec.Struct):
    """Moments of the share between blocks, and the block that is being filled."""

    block: int | None = None
    n: int = 0
    negatives: int = 0
    excess: float = 0.0
    pairs: float = 0.0

    def add(self, minute: int, n: int, negatives: int, *, share: float, kept: float) -> None:
        """Count results; a new block closes the previous one against `share`, older moments keep `kept` of weight."""
        self.excess *= kept
        self.pairs *= kept
        block = minute // BLOCK_MINUTES
        if block != self.block:
            self.close(share, 1.0)
            self.block = block
        self.n += n
        self.negatives += negatives

    def close(self, share: float, weight: float) -> None:
        """Turn the block's counts into moments."""
        pairs = self.n * (self.n - 1)
        surprise = (self.negatives - self.n * share) ** 2 / (share * (1.0 - share)) - self.n
        self.excess += weight * min(surprise, _MAX_BLOCK_WANDER * pairs)
        self.pairs += weight * pairs
        self.n, self.negatives = 0, 0

    def estimate(self, config: BaselineConfig) -> float:
        """Shrunk to the prior while there are few pairs; in [0, 0.2]."""
        prior = config.prior_wander * config.prior_pairs
        return min(max((self.excess + prior) / (self.pairs + config.prior_pairs), 0.0), 0.2)


class Baseline(msgspec.Struct):
    """History of one segment as discounted counts at `minute` (the latest learnt)."""

    n: float = 0.0
    negatives: float = 0.0
    minute: int | None = None
    learnt_n: int = 0
    wander: Wander = msgspec.field(default_factory=Wander)

    def expected(self, minute: int, config: BaselineConfig) -> Expected:
        """The expectation for a minute."""
        kept = self._kept_at(minute, config)
        certainty = self.n * kept + config.prior_n
        share = (self.negatives * kept + config.prior_share * config.prior_n) / certainty
        wander = self.wander.estimate(config)
        return Expected(share=share, certainty=certainty, wander=wander, ready=self.learnt_n >= config.learn_n)

    def learn(self, minute: int, n: int, negatives: int, *, weight: float, config: BaselineConfig) -> None:
        """Add normal results of a time up to `minute`; `weight` in (0, 1] discounts correlated ones."""
        kept = self._kept_at(minute, config)
        share = self.expected(minute, config).share
        self.wander.add(minute, n, negatives, share=share, kept=kept)
        self.n = self.n * kept + n * weight
        self.negatives = self.negatives * kept + negatives * weight
        self.minute = minute if self.minute is None else max(minute, self.minute)
        self.learnt_n += n

    def learn_episode(self, minute: int, n: int, negatives: int, config: BaselineConfig) -> None:
        """Let an episode that has ended teach how much the share can wander, and nothing of its level."""
        share = self.expected(minute, config).share
        self.wander.close(share, 1.0)
        self.wander.n, self.wander.negatives = n, negatives
        self.wander.close(share, config.episode_weight)

    def reanchor(self, share: float | None, config: BaselineConfig) -> None:
        """Keep only little of the history, at `share` where a new level is known, and learn again."""
        level = share if share is not None else (self.negatives / self.n if self.n > 0 else config.prior_share)
        self.n = min(config.reanchor_n, self.n) if share is None else config.reanchor_n
        self.negatives = self.n * level
        self.learnt_n = 0

    def _kept_at(self, minute: int, config: BaselineConfig) -> float:
        if self.minute is None or minute <= self.minute:
            return 1.0
        return exp(log(0.5) * (minute - self.minute) / (config.half_life_days * MINUTES_A_DAY))
