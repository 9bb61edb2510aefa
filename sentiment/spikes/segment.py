"""One segment's detector: results in, transitions of its episodes out.

`observe` only counts; everything that can alarm happens in `close`, minute by minute in event time, so that the order
in which results arrive within the lateness does not matter, nor where a batch ends or a worker is restarted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sentiment.events import ModelRef
from sentiment.spikes.baseline import BaselineConfig, Expected
from sentiment.spikes.buckets import MINUTE_MS, MinuteCounts
from sentiment.spikes.detector import DetectorConfig, chance, is_alarm
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
)
from sentiment.spikes.segment_state import MAX_MODELS, SegmentState


@dataclass(frozen=True, slots=True)
class SpikeConfig:
    """All that shapes detection. Times in milliseconds where the name says so."""

    baseline: BaselineConfig = field(default_factory=BaselineConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    episodes: EpisodeConfig = field(default_factory=EpisodeConfig)
    lateness_ms: int = 60_000
    future_ms: int = 60_000
    """A result whose event is younger than its scoring by more than this is rejected: its clock is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeObservation:
    """What detection takes from a result. `text` is redacted; None where results carry none."""

    key: str
    segment: str
    source: str
    event_ms: int
    scored_ms: int
    negative: bool
    p_negative: float
    text: str | None
    author: str | None
    model: ModelRef
    left_out: bool = False
    """It moves the clock but is not counted: its label is not to be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeChange:
    """A transition of an episode with what a message about it needs. Minutes count from 1970.

    The window runs from the first minute of `started` to the end of minute `ended`, both included.
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


def observe(state: SegmentState, seen: SpikeObservation, config: SpikeConfig) -> bool:
    """Count a result; False where its minute is closed already."""
    minute = seen.event_ms // MINUTE_MS
    if not state.open.add(minute, negative=seen.negative):
        return False
    if seen.negative and seen.text:
        state.texts.add(seen.key, minute, seen.p_negative, seen.text, seen.author)
    if seen.model not in state.models:
        if state.models:  # another model has other errors: its share is another one, and no spike
            state.baseline.reanchor(None, config.baseline)
            state.evidence.clear()
        state.models = [*state.models, seen.model][-MAX_MODELS:]
    return True


def close(state: SegmentState, minute: int, config: SpikeConfig) -> list[EpisodeChange]:
    """Work off every open minute before `minute`, and what the passing of time alone does."""
    changes: list[EpisodeChange] = []
    for counts in state.open.close(minute):
        changes += _fall_silent(state, counts.minute, config)
        changes += _take(state, counts, config)
    changes += _fall_silent(state, minute, config)
    return changes


def _take(state: SegmentState, counts: MinuteCounts, config: SpikeConfig) -> list[EpisodeChange]:
    design_effect = state.recent.design_effect(counts, config.detector.correlation)
    if state.episode is not None:
        transition = update(state.episode, counts, design_effect, config.detector.odds_ratio, config.episodes)
        return [] if transition is None else [_change(state, state.episode, transition, counts.minute, config)]
    expected = state.baseline.expected(counts.minute, config.baseline)
    if not expected.ready:
        _learn(state, counts.minute, WindowCounts(counts.n, counts.negatives, counts.n * design_effect), config)
        return []
    held = WindowCounts(state.evidence.n, state.evidence.negatives, state.evidence.dispersed_n)
    share = expected.cautious(config.detector.caution)
    state.evidence.add(counts, design_effect, share, config.detector.odds_ratio)
    if state.evidence.since is None:
        held.add(counts.n, counts.negatives, counts.n * design_effect)
        _learn(state, counts.minute, held, config)
        return []
    cooling = state.cool_until is not None and counts.minute < state.cool_until
    if cooling or not is_alarm(state.evidence, expected, config.detector):
        return []
    state.episode = open_episode(state.evidence, counts.minute, expected, config.episodes)
    state.evidence.clear()
    return [_change(state, state.episode, Transition.OPENED, counts.minute, config)]


def _fall_silent(state: SegmentState, minute: int, config: SpikeConfig) -> list[EpisodeChange]:
    if state.episode is None or silent_since(state.episode, config.episodes) > minute:
        return []
    return [_change(state, state.episode, Transition.FELL_SILENT, silent_since(state.episode, config.episodes), config)]


def _change(
    state: SegmentState, episode: Episode, transition: Transition, minute: int, config: SpikeConfig
) -> EpisodeChange:
    """Describe a transition; where the episode ends by it, put its traces away."""
    turned = transition.is_end and episode.turned is not None
    ended = episode.turned - 1 if turned and episode.turned is not None else episode.last
    window = episode.window if turned else _whole(episode)
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
        model=state.models[-1] if state.models else None,
    )
    if transition.is_end:
        _put_away(state, episode, change, config)
    return change


def _put_away(state: SegmentState, episode: Episode, change: EpisodeChange, config: SpikeConfig) -> None:
    state.episode = None
    state.cool_until = change.minute + config.episodes.cool_down_minutes
    state.texts.forget(change.started, change.ended)
    if change.transition is Transition.NEW_LEVEL:
        state.baseline.reanchor((change.window.negatives + 1) / (change.window.n + 2), config.baseline)
        return
    if change.severity == "warning":
        state.baseline.learn_episode(change.minute, change.window.n, change.window.negatives, config.baseline)
    if episode.turned is not None:
        _learn(state, episode.last, episode.since_turn, config)


def _learn(state: SegmentState, minute: int, normal: WindowCounts, config: SpikeConfig) -> None:
    weight = 1.0 / normal.design_effect
    state.baseline.learn(minute, normal.n, normal.negatives, weight=weight, config=config.baseline)
    state.texts.settle(minute + 1)


def _whole(episode: Episode) -> WindowCounts:
    window = WindowCounts(episode.window.n, episode.window.negatives, episode.window.dispersed_n)
    window.add(episode.since_turn.n, episode.since_turn.negatives, episode.since_turn.dispersed_n)
    return window
