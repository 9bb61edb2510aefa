"""What is normal in a segment: the expected share of negatives, how well it is known, and how much it varies.

Results are learnt in blocks of half an hour, each three hours after it has ended. Until then an alarm can still take it
out: the minutes of an episode teach nothing about the level. What varies over the day and the week is in `season`, what
varies without any incident in `dispersion`.

A new segment only learns until it has shown `learn_n` results, and then without the delay. Its normal share (most app
reviews are negative, most praise is not) must not look like a spike against the prior.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import msgspec

from sentiment.spikes.buckets import MinuteCounts
from sentiment.spikes.dispersion import (
    BUCKET_MINUTES,
    WANDER_HALF_LIFE_MINUTES,
    Dispersion,
    DispersionPrior,
    Excess,
)
from sentiment.spikes.season import Season, SeasonPrior, logit_of, share_of

BLOCK_MINUTES = 30
HOLD_MINUTES = 180
_VOLUME_HALF_LIFE_MINUTES = 120.0
_EPISODE_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class BaselineConfig:
    """What is assumed without history. `reanchor` is the variance of the logit after a change of model or level."""

    season: SeasonPrior = field(default_factory=SeasonPrior)
    dispersion: DispersionPrior = field(default_factory=DispersionPrior)
    learn_n: int = 40
    reanchor: float = 1.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What is normal at a minute: `share` in (0, 1).

    `spread` is the standard deviation of the true logit around the logit of `share`: because it is only estimated, and
    because it wanders. `correlation` (ρ) is between results of the same five minutes, `per_bucket` how many of these
    there have been lately.
    """

    share: float
    spread: float
    correlation: float = 0.01
    per_bucket: float = 8.0
    ready: bool = True
    """False while the segment is still learning and must not alarm."""

    def cautious(self, deviations: float) -> float:
        """`share` raised by `deviations` standard deviations. A rise has to exceed it."""
        return share_of(logit_of(self.share) + deviations * self.spread)

    @property
    def known_n(self) -> float:
        """How many results would tell the share as well as it is known."""
        return 1.0 / max(self.spread_correlation, 1e-9)

    @property
    def spread_correlation(self) -> float:
        """The spread as a correlation between all results of a window, in [0, 1)."""
        return min(self.share * (1.0 - self.share) * self.spread**2, 0.99)


class Block(msgspec.Struct, array_like=True):
    """The results of half an hour that are not learnt yet."""

    block: int
    n: int = 0
    negatives: int = 0
    dispersed_n: float = 0.0
    within: Excess = msgspec.field(default_factory=Excess)
    bucket: int = -1
    bucket_n: int = 0
    bucket_negatives: int = 0

    @property
    def end(self) -> int:
        """The minute after its last one."""
        return (self.block + 1) * BLOCK_MINUTES

    @property
    def middle(self) -> int:
        """Its middle minute."""
        return self.end - BLOCK_MINUTES // 2

    def add(self, counts: MinuteCounts, design_effect: float, share: float) -> None:
        """Add a minute."""
        bucket = counts.minute // BUCKET_MINUTES
        if bucket != self.bucket:
            self.close_bucket(share)
            self.bucket = bucket
        self.n += counts.n
        self.negatives += counts.negatives
        self.dispersed_n += counts.n * design_effect
        self.bucket_n += counts.n
        self.bucket_negatives += counts.negatives

    def close_bucket(self, share: float) -> None:
        """Add the current five minutes to the moments."""
        if self.bucket_n:
            self.within.add(self.bucket_n, self.bucket_negatives, share)
        self.bucket_n = self.bucket_negatives = 0


class Volume(msgspec.Struct):
    """Results a minute, lately: the last hours count most."""

    total: float = 0.0
    minutes: float = 0.0
    minute: int | None = None

    def add(self, counts: MinuteCounts) -> None:
        """Count a minute, and the silence before it."""
        silent = 1 if self.minute is None else max(counts.minute - self.minute, 1)
        kept = 0.5 ** (silent / _VOLUME_HALF_LIFE_MINUTES)
        self.total = self.total * kept + counts.n
        self.minutes = self.minutes * kept + (1.0 - kept) / (1.0 - 0.5 ** (1 / _VOLUME_HALF_LIFE_MINUTES))
        self.minute = counts.minute

    @property
    def per_bucket(self) -> float:
        """Results in five minutes."""
        return BUCKET_MINUTES * self.total / self.minutes if self.minutes else 0.0


class Baseline(msgspec.Struct):
    """The history of one segment. `season` is None before the first block was learnt."""

    season: Season | None = None
    dispersion: Dispersion = msgspec.field(default_factory=Dispersion)
    volume: Volume = msgspec.field(default_factory=Volume)
    blocks: list[Block] = []
    learnt_block: int | None = None
    learnt_n: int = 0

    def expected(self, minute: int, config: BaselineConfig) -> Expected:
        """What is normal at a minute."""
        logit, variance = self._season(config).expected(minute)
        share = share_of(logit)
        return Expected(
            share=share,
            spread=sqrt(variance + self.dispersion.wander(config.dispersion) ** 2),
            correlation=self.dispersion.correlation(share, config.dispersion),
            per_bucket=self.volume.per_bucket,
            ready=self.learnt_n >= config.learn_n,
        )

    def correlation(self, minute: int, config: BaselineConfig) -> float:
        """The correlation that is normal at a minute: that of `expected`, without the rest."""
        share = share_of(self._season(config).expected(minute)[0])
        return self.dispersion.correlation(share, config.dispersion)

    def add(self, counts: MinuteCounts, design_effect: float, share: float) -> None:
        """Keep a minute without incident, of which `share` was expected, until `settle` learns it."""
        block = counts.minute // BLOCK_MINUTES
        if not self.blocks or self.blocks[-1].block != block:
            self.blocks.append(Block(block))
        self.blocks[-1].add(counts, design_effect, share)

    def settle(self, minute: int, config: BaselineConfig) -> int | None:
        """Learn the blocks that are old enough at `minute`. Returns the minute up to which all is learnt, if any."""
        settled: int | None = None
        while self.blocks and self._is_due(self.blocks[0], minute, config):
            block = self.blocks.pop(0)
            self._learn(block, config)
            settled = block.end
        return settled

    def discard(self, since: int, config: BaselineConfig) -> None:
        """Take the blocks that reach beyond the minute `since` out: an incident began there.

        They teach nothing about the level, and little about how much it can wander. Without that little, what is
        normal in a segment that wanders would look ever more unusual (Noufaily et al. 2013).
        """
        for block in self.blocks:
            if block.end > since:
                self._learn_dispersion(block, _EPISODE_WEIGHT, config)
        self.blocks = [block for block in self.blocks if block.end <= since]

    def reanchor(self, config: BaselineConfig, level: float | None = None, minute: int = 0) -> None:
        """Learn the level again, but keep the season. `level` is the new share at `minute`, if it is known."""
        season = self._season(config)
        season.loosen(config.reanchor, level, minute)
        self.season = season
        self.blocks = []
        self.learnt_n = 0

    def _season(self, config: BaselineConfig) -> Season:
        return Season.unknown(config.season) if self.season is None else self.season

    def _is_due(self, block: Block, minute: int, config: BaselineConfig) -> bool:
        hold = HOLD_MINUTES if self.learnt_n >= config.learn_n else 0
        return block.end + hold <= minute

    def _learn(self, block: Block, config: BaselineConfig) -> None:
        season = self._season(config)
        passed = 0 if self.learnt_block is None else (block.block - self.learnt_block) * BLOCK_MINUTES
        season.drift(config.season, passed)
        self.dispersion.fade(passed, config.dispersion)
        design_effect, share = block.dispersed_n / block.n, share_of(season.expected(block.middle)[0])
        if self.learnt_n >= config.learn_n:  # before, surprise only says that the level was unknown
            block.close_bucket(share)
            self.dispersion.add_within(block.within)
            self._learn_dispersion(block, 1.0, config)
        season.learn(block.middle, block.n, block.negatives, noise=self._noise(block, share, design_effect, config))
        self.season, self.learnt_block = season, block.block
        self.learnt_n += block.n

    def _learn_dispersion(self, block: Block, weight: float, config: BaselineConfig) -> None:
        logit, doubt = self._season(config).expected(block.middle)
        self.dispersion.add(
            block.middle,
            block.n,
            block.negatives,
            share=share_of(logit),
            doubt=doubt,
            design_effect=block.dispersed_n / block.n,
            prior=config.dispersion,
            weight=weight,
        )

    def _noise(self, block: Block, share: float, design_effect: float, config: BaselineConfig) -> float:
        """The variance of a block's logit beyond sampling. Blocks of the same hours repeat each other's wander."""
        kept: float = 0.5 ** (BLOCK_MINUTES / WANDER_HALF_LIFE_MINUTES)
        repeated = (1.0 + kept) / (1.0 - kept)
        binomial = max(block.n * share * (1.0 - share), 1e-9)
        wander = self.dispersion.wander(config.dispersion)
        return (design_effect - 1.0) / binomial + wander**2 * repeated
