"""Joining results with labels that come days later, or earlier, in bounded memory.

Results wait for the labels of their event, and labels wait for the results of theirs. Each side is bounded in number
and in time: results by event time, labels by the time of labelling. So labels made today join a replay of last year's
feedback.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from sentiment.events import LABELS, LateLabel, ScoredFeedback


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What is kept of a result: enough to judge it. `label` indexes `LABELS`; `at_ms` is its event time."""

    identity: str
    label: int
    confidence: float
    at_ms: int
    model_version: str


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A result and its truth (an index of `LABELS`); `weight` is one over the chance of having been labelled."""

    result: KeptResult
    truth: int
    weight: float


@dataclass(frozen=True, slots=True)
class PairChange:
    """A pair that holds from now on, and the earlier pair of the same result, which no longer does."""

    new: LabelledPair
    old: LabelledPair | None


@dataclass(slots=True)
class JoinCounts:
    """What became of labels."""

    joined: int = 0
    expired: int = 0
    """Forgotten before a result came."""


@dataclass(slots=True)
class _Event:
    """The results of one event, by model version, and the label that holds."""

    event_id: str
    results: dict[str, KeptResult] = field(default_factory=dict)
    label: LateLabel | None = None
    newest_ms: int = 0


class LabelJoin:
    """Keeps at most `max_events` events with results (0.7 kB each), and as many labels without one (0.3 kB each).

    `expire` forgets what is older than the newest of its kind by more than `horizon_ms`. An event is known by its
    source position and by its id. If producers give one id to several events, a label by id goes to the latest of them.
    """

    def __init__(self, *, max_events: int, horizon_ms: int) -> None:
        self.counts = JoinCounts()
        self._max_events = max_events
        self._horizon_ms = horizon_ms
        self._events: OrderedDict[str, _Event] = OrderedDict()  # by source position
        self._position_of: dict[str, str] = {}  # by event id
        self._labels: OrderedDict[tuple[str, str], LateLabel] = OrderedDict()
        self._newest_event_ms = 0
        self._newest_label_ms = 0

    @property
    def n_kept(self) -> int:
        """Events whose results are kept."""
        return len(self._events)

    @property
    def n_waiting_labels(self) -> int:
        """Labels whose result has not come."""
        return len(self._labels)

    def add_result(self, result: ScoredFeedback, confidence: float) -> list[PairChange]:
        """Keep the result, and return the pair that it completes, if any. The same result twice counts once."""
        position, version = result.position.key(), result.model.version
        at_ms = int(result.created_at.timestamp() * 1000)
        event = self._events.get(position)
        if event is None:
            event = self._events[position] = _Event(result.event_id)
            self._position_of[result.event_id] = position
        if version in event.results:
            return []
        kept = KeptResult(result.identity(), LABELS.index(result.label), confidence, at_ms, version)
        event.results[version] = kept
        changes = []
        for key in (("position", position), ("id", result.event_id)):
            waited = self._labels.pop(key, None)
            if waited is not None:
                changes += self._settle(event, waited)
        if not changes and event.label is not None:
            changes = [PairChange(_joined(kept, event.label), None)]
        self._keep_event(position, event, at_ms)
        return changes

    def add_label(self, label: LateLabel) -> list[PairChange]:
        """Keep the label, and return the pairs that it completes or corrects: one for each model with a result."""
        position = label.position.key() if label.position is not None else self._position_of.get(label.event_id or "")
        event = None if position is None else self._events.get(position)
        if event is not None:
            return self._settle(event, label)
        key = ("id", label.event_id or "") if label.position is None else ("position", label.position.key())
        known = self._labels.get(key)
        if known is not None and known.labelled_at > label.labelled_at:
            return []  # outdated
        self._labels[key] = label
        self._labels.move_to_end(key)
        self._newest_label_ms = max(self._newest_label_ms, _label_ms(label))
        if len(self._labels) > self._max_events:
            self._forget_label(next(iter(self._labels)))
        return []

    def expire(self) -> None:
        """Forget what has waited too long. Call it when both sides are read to their ends: while history is read, the
        label of an old result may be the next record.
        """
        old = self._newest_event_ms - self._horizon_ms
        for position in [position for position, event in self._events.items() if event.newest_ms < old]:
            self._forget_event(position)
        old = self._newest_label_ms - self._horizon_ms
        for key in [key for key, label in self._labels.items() if _label_ms(label) < old]:
            self._forget_label(key)

    def _settle(self, event: _Event, label: LateLabel) -> list[PairChange]:
        before = event.label
        if before is not None and before.labelled_at > label.labelled_at:
            return []  # outdated
        event.label = label
        self.counts.joined += before is None
        return [
            PairChange(_joined(kept, label), None if before is None else _joined(kept, before))
            for kept in event.results.values()
        ]

    def _keep_event(self, position: str, event: _Event, at_ms: int) -> None:
        event.newest_ms = max(event.newest_ms, at_ms)
        self._newest_event_ms = max(self._newest_event_ms, at_ms)
        self._events.move_to_end(position)
        if len(self._events) > self._max_events:
            self._forget_event(next(iter(self._events)))

    def _forget_event(self, position: str) -> None:
        gone = self._events.pop(position)
        if self._position_of.get(gone.event_id) == position:
            del self._position_of[gone.event_id]

    def _forget_label(self, key: tuple[str, str]) -> None:
        del self._labels[key]
        self.counts.expired += 1


def _joined(kept: KeptResult, label: LateLabel) -> LabelledPair:
    chance = label.inclusion_probability
    return LabelledPair(kept, LABELS.index(label.label), 1.0 if chance is None else 1.0 / chance)


def _label_ms(label: LateLabel) -> int:
    return int(label.labelled_at.timestamp() * 1000)
