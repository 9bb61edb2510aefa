"""Why a segment alarms at a minute, or why not: what is expected, the evidence, the threshold, what holds it back."""

from __future__ import annotations

import msgspec

from sentiment.spikes.episodes import whole_window
from sentiment.spikes.prevalence import ErrorsOf, corrected, unknown_errors
from sentiment.spikes.segment import SpikeConfig
from sentiment.spikes.segment_state import SegmentState
from sentiment.spikes.silences import Silenced, nobody
from sentiment.spikes.thresholds import threshold
from sentiment.statistics import Estimate


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence that the odds of a negative result are multiplied by `odds_ratio`, in nats, and its window.

    `since` is the minute since 1970 at which it began; None if there is no evidence.
    """

    odds_ratio: float
    statistic: float
    since: int | None
    n: int
    negatives: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A segment at a minute since 1970.

    Attributes:
        segment: its name.
        minute: the last minute that was evaluated.
        verdict: one sentence: whether an episode is open, or what keeps it silent.
        silenced: why people are not told of it; None if they are.
        expected: the share of negatives that is normal at this minute.
        low, high: the expected share with two standard deviations on either side.
        expected_corrected: the expected share without the errors of the model; None if these are not known.
        observed: the share of negatives in the open episode; None if there is none.
        observed_corrected: the same without the errors of the model.
        correlation: between results of the same five minutes.
        per_bucket: results in five minutes, lately.
        learnt_n: results that were learnt so far.
        threshold: the evidence (nats) that an alarm takes.
        arms: the evidence.
        open_since: the start of the open episode, in minutes since 1970; None if there is none.
    """

    segment: str
    minute: int
    verdict: str
    silenced: str | None
    expected: float
    low: float
    high: float
    expected_corrected: Estimate | None
    observed: Estimate | None
    observed_corrected: Estimate | None
    correlation: float
    per_bucket: float
    learnt_n: int
    threshold: float
    arms: list[Arm]
    open_since: int | None


def explain(
    state: SegmentState,
    minute: int,
    config: SpikeConfig,
    *,
    budget_share: float = 1.0,
    silenced: Silenced = nobody,
    errors_of: ErrorsOf = unknown_errors,
) -> Explanation:
    """What the state of a segment says at a minute up to which its results are evaluated.

    `budget_share` is its part of its product's budget (`Family.budget_share`).
    """
    expected = state.baseline.expected(minute, config.baseline)
    errors = None if state.models.main is None else errors_of(state.models.main)
    window = None if state.episode is None else whole_window(state.episode)
    nats = threshold(expected, config.detector.false_alarms_per_week * budget_share)
    ratios = config.detector.odds_ratios
    bank = state.bank if len(state.bank) == len(ratios) else []
    arms = [
        Arm(
            odds_ratio=ratio,
            statistic=evidence.statistic,
            since=evidence.since,
            n=evidence.n,
            negatives=evidence.negatives,
        )
        for ratio, evidence in zip(ratios, bank, strict=False)
    ]
    return Explanation(
        segment=state.segment,
        minute=minute,
        verdict=_verdict(state, minute, nats, arms, config),
        silenced=silenced(state.segment, minute),
        expected=expected.share,
        low=expected.cautious(-2.0),
        high=expected.cautious(2.0),
        expected_corrected=None if errors is None else corrected(expected.share, expected.known_n, errors),
        observed=None if window is None else window.negative_share,
        observed_corrected=None if window is None or errors is None else window.corrected_share(errors),
        correlation=expected.correlation,
        per_bucket=expected.per_bucket,
        learnt_n=state.baseline.learnt_n,
        threshold=nats,
        arms=arms,
        open_since=None if state.episode is None else state.episode.started,
    )


def _verdict(state: SegmentState, minute: int, nats: float, arms: list[Arm], config: SpikeConfig) -> str:
    if state.episode is not None:
        return f"an episode is open ({state.episode.severity}); it has to end before another can begin"
    if state.baseline.learnt_n < config.baseline.learn_n:
        return f"still learning: {state.baseline.learnt_n} of {config.baseline.learn_n} results"
    if state.cool_until is not None and minute < state.cool_until:
        return f"cooling down for another {state.cool_until - minute} minutes after an episode"
    top = max(arms, key=lambda arm: arm.statistic, default=None)
    if top is None or top.statistic == 0.0:
        return "no evidence of a rise"
    if top.n < config.detector.min_n:
        return f"too few results: {top.n} of {config.detector.min_n} since the evidence began"
    return f"the evidence is {top.statistic:.1f} of {nats:.1f} nats"
