"""The detector of one segment: results in, transitions of its episodes out.

`observe` only counts. Everything that can alarm happens in `close`, minute by minute in event time. So neither the
order in which results arrive within the lateness matters, nor where a batch ends or a worker restarts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sentiment.events import ModelRef
from sentiment.spikes.baseline import BaselineConfig, Expected
from sentiment.spikes.buckets import MINUTE_MS, MinuteCounts
from sentiment.spikes.detector import DetectorConfig, Evidence, chance, strongest
from sentiment.spikes.drivers import Account, account
from sentiment.spikes.episodes import (
    Episode,
    EpisodeConfig,
    Severity,
    Transition,
    WindowCounts,
    open_episode,
    silent_since,
    update,
    whole_window,
    withhold,
)
from sentiment.spikes.family import Family
from sentiment.spikes.parts import Part
from sentiment.spikes.segment_state import SegmentState
from sentiment.spikes.silences import Silenced, nobody


@dataclass(frozen=True, slots=True)
class SpikeConfig:
    """The parameters of detection."""

    baseline: BaselineConfig = field(default_factory=BaselineConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    episodes: EpisodeConfig = field(default_factory=EpisodeConfig)
    lateness_ms: int = 60_000
    future_ms: int = 60_000
    """Results whose event is dated more than this after they were scored are rejected: their clock is wrong."""

    max_parts: int = 50
    """Parts of a product that are watched at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeObservation:
    """What detection needs of a result. `text` is redacted, and None if the results carry no text."""

    key: str
    segment: str
    feed: str
    event_ms: int
    scored_ms: int
    negative: bool
    p_negative: float
    text: str | None
    author: str | None
    model: ModelRef
    parts: tuple[Part, ...] = ()
    """The parts of the segment that it belongs to as well."""
    event: int | None = None
    """Identifies the event (`sentiment.spikes.duplicates`); None if it cannot come twice."""
    left_out: bool = False
    """The result moves the clock but is not counted, because its label cannot be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeChange:
    """A transition of an episode, with what a message about it needs. Minutes count from 1970.

    `window` runs from the start of the minute `started` to the end of the minute `ended`. `silenced` is why people are
    not told; None if they are.
    """

    segment: str
    transition: Transition
    minute: int
    started: int
    ended: int
    severity: Severity
    window: WindowCounts
    expected: Expected
    probability: float
    account: Account
    model: ModelRef | None
    silenced: str | None
    most_affected: str | None = None
    """The part of the segment with most of the negatives."""


@dataclass(frozen=True, slots=True)
class _Around:
    """What the evaluation of a segment depends on beside its state."""

    config: SpikeConfig
    silenced: Silenced
    family: Family

    def silence(self, state: SegmentState, minute: int) -> str | None:
        """Why people are not told of a segment; a silence of a product is one of its parts, too."""
        return self.silenced(state.segment, minute) or self.silenced(state.product, minute)


def observe(state: SegmentState, seen: SpikeObservation) -> bool:
    """Count a result. Returns False if its minute has been closed."""
    minute = seen.event_ms // MINUTE_MS
    if not state.open.add(minute, negative=seen.negative):
        return False
    if seen.negative and seen.text:
        state.texts.add(seen.key, minute, seen.p_negative, seen.text, seen.author)
    state.models.note(seen.model, minute)
    return True


def close(
    states: Iterable[SegmentState], minute: int, config: SpikeConfig, silenced: Silenced = nobody
) -> list[EpisodeChange]:
    """Evaluate every open minute before `minute` of a product and its parts, and time that passes without results."""
    around = _Around(config, silenced, Family(states))
    members = around.family.members
    due = [(counts, rank) for rank, state in enumerate(members) for counts in state.open.close(minute)]
    changes: list[EpisodeChange] = []
    for counts, rank in sorted(due, key=lambda each: (each[0].minute, each[1])):
        changes += _fall_silent(members[rank], counts.minute, around)
        changes += _take(members[rank], counts, around)
    for state in members:
        changes += _fall_silent(state, minute, around)
    return changes


def _take(state: SegmentState, counts: MinuteCounts, around: _Around) -> list[EpisodeChange]:
    config = around.config
    if state.models.changed(counts.minute, counts.n):
        _reanchor(state, config)
    state.baseline.volume.add(counts)
    settled = state.baseline.settle(counts.minute, config.baseline)
    if settled is not None:
        state.texts.settle(settled)
    if state.episode is not None:
        return _go_on(state, state.episode, counts, around)
    expected = state.baseline.expected(counts.minute, config.baseline)
    design_effect = state.recent.design_effect(counts, expected.correlation)
    state.baseline.add(counts, design_effect, expected.share)
    cooling = state.cool_until is not None and counts.minute < state.cool_until
    if cooling or not expected.ready:
        state.bank.clear()
        return []
    alarm = _weigh(state, counts, design_effect, expected, around)
    if alarm is None:
        return []
    state.episode = open_episode(alarm, counts.minute, expected, config.episodes)
    state.baseline.discard(state.episode.started, config.baseline)
    state.bank.clear()
    return [_change(state, state.episode, Transition.OPENED, counts.minute, around)]


def _go_on(state: SegmentState, episode: Episode, counts: MinuteCounts, around: _Around) -> list[EpisodeChange]:
    config = around.config
    correlation = state.baseline.correlation(counts.minute, config.baseline)
    design_effect = state.recent.design_effect(counts, correlation)
    transition = update(episode, counts, design_effect, config.detector.odds_ratios[0], config.episodes)
    waits = episode.withheld != "nothing" and episode.told_by is None
    if transition is None and waits and not around.silence(state, counts.minute):
        transition = Transition.ANNOUNCED
    return [] if transition is None else [_change(state, episode, transition, counts.minute, around)]


def _reanchor(state: SegmentState, config: SpikeConfig) -> None:
    """Learn again what is normal. An open episode goes on, but what another model sees does not make it worse."""
    state.baseline.reanchor(config.baseline)
    state.bank.clear()
    if state.episode is not None:
        state.episode.may_escalate = False


def _weigh(
    state: SegmentState, counts: MinuteCounts, design_effect: float, expected: Expected, around: _Around
) -> Evidence | None:
    """Add a minute to the evidence. Returns what raises an alarm, if any."""
    detector = around.config.detector
    share = expected.cautious(detector.caution)
    if len(state.bank) != len(detector.odds_ratios):
        state.bank = [Evidence() for _ in detector.odds_ratios]
    for evidence, odds_ratio in zip(state.bank, detector.odds_ratios, strict=True):
        evidence.add(counts, design_effect, share, odds_ratio)
    return strongest(state.bank, expected, detector, around.family.budget_share(state))


def _fall_silent(state: SegmentState, minute: int, around: _Around) -> list[EpisodeChange]:
    episodes = around.config.episodes
    if state.episode is None or silent_since(state.episode, episodes) > minute:
        return []
    since = silent_since(state.episode, episodes)
    return [_change(state, state.episode, Transition.FELL_SILENT, since, around)]


def _change(
    state: SegmentState, episode: Episode, transition: Transition, minute: int, around: _Around
) -> EpisodeChange:
    """Describe a transition. If it ends the episode, clean up after it."""
    turned = transition.is_end and episode.turned is not None
    ended = episode.turned - 1 if turned and episode.turned is not None else episode.last
    window = episode.window if turned else whole_window(episode)
    if transition is Transition.OPENED or (transition is Transition.ESCALATED and episode.told_by is not None):
        episode.told_by = around.family.teller(state, episode)
    change = EpisodeChange(
        segment=state.segment,
        transition=transition,
        minute=minute,
        started=episode.started,
        ended=max(ended, episode.started),
        severity=episode.severity,
        window=WindowCounts(window.n, window.negatives, window.dispersed_n),
        expected=episode.expected,
        probability=chance(window.n, window.negatives, window.dispersed_n, episode.expected),
        account=account(state.texts.between(episode.started, ended), state.texts),
        model=state.models.main,
        silenced=withhold(episode, transition, around.silence(state, minute)),
        most_affected=around.family.most_affected(state),
    )
    if transition.is_end:
        _put_away(state, episode, change, around.config)
    return change


def _put_away(state: SegmentState, episode: Episode, change: EpisodeChange, config: SpikeConfig) -> None:
    state.episode = None
    state.cool_until = change.minute + config.episodes.cool_down_minutes
    state.texts.forget(change.started, change.ended)
    if change.transition is Transition.NEW_LEVEL:
        level = (change.window.negatives + 1) / (change.window.n + 2)
        state.baseline.reanchor(config.baseline, level, change.minute)
