"""From alarms to episodes: open → update → escalate → resolve.

Three things prevent flapping. An episode opens on one kind of evidence and resolves on another (hysteresis). It stays
open for a minimum hold. After it is resolved, none opens within a cool-down. Its id comes from its segment and its
start in event time, so a replay gives it the same id.

An episode resolves when the evidence that the share has recovered reaches `recovery_nats`. That evidence is a CUSUM of
the log-likelihood ratio between the expected share and the level of the incident. Results since the turn do not count
as part of the episode. An episode also ends when its segment is silent for `quiet_minutes`, and after `max_minutes`,
when its level is accepted as the new normal: an alert that never ends tells nobody anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import msgspec

from sentiment.spikes.baseline import Expected
from sentiment.spikes.buckets import MinuteCounts
from sentiment.spikes.detector import Evidence, log_likelihood_ratio, raised_share
from sentiment.spikes.prevalence import ModelErrors, corrected
from sentiment.statistics import Estimate, wilson

Severity = Literal["warning", "critical"]
Withheld = Literal["nothing", "escalation", "everything"]
_MAX_REASON_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class EpisodeConfig:
    """Minutes are of event time. `critical_odds_ratio` is the rise of the odds that makes an episode critical."""

    hold_minutes: int = 15
    cool_down_minutes: int = 30
    quiet_minutes: int = 360
    max_minutes: int = 1_440
    recovery_nats: float = 6.0
    critical_odds_ratio: float = 4.0


class Transition(StrEnum):
    """What happened to an episode."""

    OPENED = "opened"
    ESCALATED = "escalated"
    RECOVERED = "recovered"
    FELL_SILENT = "fell_silent"
    NEW_LEVEL = "new_level"
    ANNOUNCED = "announced"
    """It is open, and the silence has ended that kept it from people."""

    @property
    def is_end(self) -> bool:
        """Whether it ends the episode."""
        return self in (Transition.RECOVERED, Transition.FELL_SILENT, Transition.NEW_LEVEL)


class WindowCounts(msgspec.Struct):
    """Counts over some minutes. `dispersed_n` is the sum of n × design effect."""

    n: int = 0
    negatives: int = 0
    dispersed_n: float = 0.0

    def add(self, n: int, negatives: int, dispersed_n: float) -> None:
        """Add counts."""
        self.n += n
        self.negatives += negatives
        self.dispersed_n += dispersed_n

    @property
    def design_effect(self) -> float:
        """The factor by which correlation reduces the effective sample size; at least 1."""
        return self.dispersed_n / self.n if self.n else 1.0

    @property
    def negative_share(self) -> Estimate:
        """The share of negatives, with its interval at the effective sample size. There must be a result."""
        return wilson(self.negatives / self.n, self.n / self.design_effect)

    def corrected_share(self, errors: ModelErrors) -> Estimate | None:
        """The share without the errors of the model (see `corrected`). There must be a result."""
        return corrected(self.negatives / self.n, self.n / self.design_effect, errors)


class Episode(msgspec.Struct, kw_only=True):
    """An open episode. Minutes count from 1970. `share` and `spread` were expected when it opened (`Expected`)."""

    started: int
    opened: int
    last: int
    share: float
    spread: float
    level: float
    severity: Severity
    window: WindowCounts
    turned: int | None = None
    """The minute since which the share seems to have recovered; None if it does not."""
    recovery: float = 0.0
    since_turn: WindowCounts = msgspec.field(default_factory=WindowCounts)
    may_escalate: bool = True
    """False once another model scores: it may see another share."""
    told_by: str | None = None
    """The segment whose episode tells people of this incident; None if it is this one."""
    withheld: Withheld = "nothing"
    """What a silence has kept from people."""

    @property
    def expected(self) -> Expected:
        """What was expected when it opened."""
        return Expected(share=self.share, spread=self.spread)


def open_episode(evidence: Evidence, minute: int, expected: Expected, config: EpisodeConfig) -> Episode:
    """The episode that an alarm at `minute` opens. It starts at the change point of the evidence."""
    window = WindowCounts(evidence.n, evidence.negatives, evidence.dispersed_n)
    return Episode(
        started=minute if evidence.since is None else evidence.since,
        opened=minute,
        last=minute,
        share=expected.share,
        spread=expected.spread,
        level=_level(window),
        severity="critical" if _is_critical(window.negatives / window.n, expected, config) else "warning",
        window=window,
    )


def update(
    episode: Episode, counts: MinuteCounts, design_effect: float, odds_ratio: float, config: EpisodeConfig
) -> Transition | None:
    """Add the next minute that has results. Returns the transition that it causes, if any."""
    episode.last = counts.minute
    level = max(episode.level, raised_share(episode.share, odds_ratio))
    incident_share_odds = _odds(level) / _odds(episode.share)
    step = -log_likelihood_ratio(counts.n, counts.negatives, episode.share, incident_share_odds) / design_effect
    dispersed_n = counts.n * design_effect
    episode.recovery += step
    if episode.recovery <= 0.0:
        turned = episode.since_turn
        episode.window.add(turned.n, turned.negatives, turned.dispersed_n)
        episode.window.add(counts.n, counts.negatives, dispersed_n)
        episode.recovery, episode.turned, episode.since_turn = 0.0, None, WindowCounts()
        episode.level = _level(episode.window)
    else:
        episode.turned = counts.minute if episode.turned is None else episode.turned
        episode.since_turn.add(counts.n, counts.negatives, dispersed_n)
    if counts.minute - episode.opened >= config.hold_minutes and episode.recovery >= config.recovery_nats:
        return Transition.RECOVERED
    if counts.minute - episode.opened >= config.max_minutes:
        return Transition.NEW_LEVEL
    worse = episode.may_escalate and episode.severity == "warning"
    if worse and _is_critical(episode.window.negative_share.low, episode.expected, config):
        episode.severity = "critical"
        return Transition.ESCALATED
    return None


def withhold(episode: Episode, transition: Transition, silence: str | None) -> str | None:
    """Why people are not told of a transition; None if they are. Notes on the episode what they do not know."""
    if episode.told_by is not None:
        return f"told by the episode of {episode.told_by}"[:_MAX_REASON_CHARS]
    if transition.is_end:
        return (silence or "its beginning was silenced") if episode.withheld == "everything" else None
    if silence is None:
        episode.withheld = "nothing"
    elif transition is Transition.OPENED:
        episode.withheld = "everything"
    elif episode.withheld == "nothing":
        episode.withheld = "escalation"
    return silence


def whole_window(episode: Episode) -> WindowCounts:
    """Its counts, with those since it seems to have recovered."""
    window = WindowCounts(episode.window.n, episode.window.negatives, episode.window.dispersed_n)
    window.add(episode.since_turn.n, episode.since_turn.negatives, episode.since_turn.dispersed_n)
    return window


def silent_since(episode: Episode, config: EpisodeConfig) -> int:
    """The minute at which the episode ends if there are no more results."""
    return episode.last + config.quiet_minutes


def _is_critical(share: float, expected: Expected, config: EpisodeConfig) -> bool:
    return _odds(share) >= config.critical_odds_ratio * _odds(expected.share)


def _odds(share: float) -> float:
    return share / max(1.0 - share, 1e-9)


def _level(window: WindowCounts) -> float:
    """Share of negatives, kept away from 0 and 1 by one extra result of each kind."""
    return (window.negatives + 1) / (window.n + 2)
