"""The alert that tells a person about a transition of an episode.

Ids are derived from the segment and the start of the episode in event time. A replay makes the same alert again, and a
receiver that has it already can tell.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sentiment.events import Alert, Rate
from sentiment.spikes.episodes import Transition
from sentiment.spikes.prevalence import ErrorsOf, unknown_errors
from sentiment.spikes.segment import EpisodeChange
from sentiment.statistics import Estimate

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MESSAGE_CHARS = 2_048
_LEADS = {Transition.ESCALATED: "worse now, ", Transition.ANNOUNCED: "no longer silenced, "}


def make_alert(change: EpisodeChange, *, created_at: datetime, errors_of: ErrorsOf = unknown_errors) -> Alert:
    """The alert for a transition. Everything but `created_at` follows from event time.

    `errors_of` knows how the model errs, for the corrected share.
    """
    observed = change.window.negative_share
    errors = None if change.model is None else errors_of(change.model)
    true = None if errors is None else change.window.corrected_share(errors)
    episode_id = _identity("episode", change.segment, str(change.started))
    status = "resolved" if change.transition.is_end else "firing"
    return Alert(
        alert_id=_alert_id(change, episode_id, status),
        episode_id=episode_id,
        status="resolved" if change.transition.is_end else "firing",
        segment=change.segment,
        severity=change.severity,
        window_start=_time(change.started),
        window_end=_time(change.ended + 1),
        n=change.window.n,
        negatives=change.window.negatives,
        observed=_rate(observed),
        corrected=None if true is None else _rate(true),
        expected=change.expected.share,
        probability_of_chance=change.probability,
        drivers=list(change.account.drivers),
        exemplars=list(change.account.exemplars),
        model=change.model,
        started_at=_time(change.started),
        created_at=created_at,
        message=_message(change, observed, true)[:_MAX_MESSAGE_CHARS],
        silenced=change.silenced,
    )


def one_in(probability: float) -> str:
    """A small probability in words, rounded up: `< 1 in 5,000`. Above 5 % it is given in percent."""
    if probability > 0.05:
        return f"about {probability:.0%}"
    bound = 1
    step = 0
    while step < 18 and probability * bound * (2.5 if step % 3 == 1 else 2) < 1:
        bound = bound * 5 // 2 if step % 3 == 1 else bound * 2
        step += 1
    return f"< 1 in {bound:,}"


def _alert_id(change: EpisodeChange, episode_id: str, status: str) -> str:
    parts = ["alert", episode_id, status, "" if status == "resolved" else change.severity]
    if change.silenced is not None:  # the same may be told later, and must not look like a repetition
        parts.append("silenced")
    return _identity(*parts)


def _rate(estimate: Estimate) -> Rate:
    return Rate(value=estimate.value, low=estimate.low, high=estimate.high)


def _message(change: EpisodeChange, observed: Estimate, true: Estimate | None) -> str:
    ends = f"{observed.low:.0%}–{observed.high:.0%}"
    rate = f"{observed.value:.0%} negative against {change.expected.share:.0%} expected (95 % interval {ends})"
    volume = f"{change.window.n:,} messages since {_clock(change.started)}"
    if change.transition is Transition.RECOVERED:
        return f"{change.segment}: over since {_clock(change.ended + 1)}. It was {rate}, {volume}."
    if change.transition is Transition.FELL_SILENT:
        return f"{change.segment}: no more messages after {_clock(change.ended + 1)}. It was {rate}, {volume}."
    if change.transition is Transition.NEW_LEVEL:
        return f"{change.segment}: still {rate}, {volume}; from now on this level counts as normal."
    lead = _LEADS.get(change.transition, "")
    parts = [f"{change.segment}: {lead}{rate}, {volume}, probability by chance {one_in(change.probability)}"]
    if true is not None:
        parts.append(f"without the model's mistakes about {true.value:.0%} ({true.low:.0%}–{true.high:.0%})")
    if change.most_affected is not None:
        parts.append(f"above all {change.most_affected}")
    if change.account.drivers:
        parts.append(f"driven by {', '.join(change.account.drivers)}")
    if change.account.caution:
        parts.append(f"caution: {change.account.caution}")
    return "; ".join(parts) + "."


def _time(minute: int) -> datetime:
    return _EPOCH + timedelta(minutes=minute)


def _clock(minute: int) -> str:
    return _time(minute).strftime("%Y-%m-%d %H:%M UTC")


def _identity(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:32]
