"""Continuous evaluation: windows of results against a reference, and results against late labels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from sentiment.drift.accuracy import ReferencePair, estimate_accuracy
from sentiment.drift.comparison import DriftConfig, FeatureComparison, compare
from sentiment.drift.join import LabelJoin, LabelledPair, PairChange
from sentiment.drift.observing import TokenFacts, observe
from sentiment.drift.profile import Profile
from sentiment.drift.quality import LabelledQuality, PairCounts
from sentiment.drift.reports import MonitorSummary, WindowOutcome, WindowReport
from sentiment.drift.windows import TimeWindow, TumblingWindows
from sentiment.events import LateLabel, ScoredFeedback

_MAX_MODELS = 8
_MAX_REFERENCE_PAIRS = 20_000


@dataclass(frozen=True, slots=True)
class MonitorConfig:
    """Lengths in milliseconds of event time.

    `future_ms`: leave out results dated more than this after they were scored, because they would close windows early.
    """

    window_ms: int = 86_400_000
    lateness_ms: int = 60_000
    future_ms: int = 60_000
    horizon_ms: int = 90 * 86_400_000
    max_events: int = 200_000
    seed: int = 13
    drift: DriftConfig = field(default_factory=DriftConfig)


class Monitor:
    """Takes results and labels, and reports each window when event time has passed it.

    Deterministic, with bounded memory. Without a `reference`, the first window with enough results becomes the
    reference. Without `token_facts`, unknown tokens are not watched.
    """

    def __init__(
        self,
        config: MonitorConfig,
        *,
        reference: Iterable[ScoredFeedback] | None = None,
        token_facts: TokenFacts | None = None,
    ) -> None:
        self._config = config
        self._token_facts = token_facts
        self._reference: Profile | None = None
        self._reference_span = (0, 0)
        self._windows = TumblingWindows(length_ms=config.window_ms, lateness_ms=config.lateness_ms)
        self._join = LabelJoin(max_events=config.max_events, horizon_ms=config.horizon_ms)
        self._joined: OrderedDict[str, LabelledPair] = OrderedDict()  # in the reference; anywhere before there is one
        self._pairs: OrderedDict[str, PairCounts] = OrderedDict()
        self._newest_ms = 0
        self._n_results = self._n_future = self._n_windows = self._n_drifted = 0
        if reference is not None:
            self._take_reference(reference)

    @property
    def waiting(self) -> tuple[int, int]:
        """The number of events with results that are kept for labels, and of labels that wait for results."""
        return self._join.n_kept, self._join.n_waiting_labels

    def add_result(self, result: ScoredFeedback) -> Literal["counted", "late", "future"]:
        """Count a result, and join it with labels that came before it."""
        seen = observe(result, self._token_facts)
        self._note(self._join.add_result(result, seen.confidence))
        self._n_results += 1
        if result.created_at - result.scored_at > timedelta(milliseconds=self._config.future_ms):
            self._n_future += 1
            return "future"
        self._newest_ms = max(self._newest_ms, seen.at_ms)
        return "counted" if self._windows.add(seen) else "late"

    def add_label(self, label: LateLabel) -> None:
        """Join a label, now or when its result comes."""
        self._note(self._join.add_label(label))

    def advance(self, watermark_ms: int | None) -> list[WindowReport]:
        """Evaluate the windows that end before `watermark_ms`, the time before which no more events are expected.

        None means that history is being read in no order: then only the oldest windows are evaluated, to bound memory.
        When a window is over, results and labels that have waited too long for each other are forgotten.
        """
        reports = [self._judge(window) for window in self._windows.advance(watermark_ms or 0)]
        if reports and watermark_ms is not None:
            self._join.expire()
        return reports

    def finish(self) -> list[WindowReport]:
        """Evaluate all windows at the end of the input."""
        return [self._judge(window) for window in self._windows.finish(self._newest_ms)]

    def newest_quality(self) -> LabelledQuality | None:
        """Quality on labelled pairs, of the model whose pair came last."""
        if not self._pairs:
            return None
        return next(reversed(self._pairs.values())).quality(seed=self._config.seed)

    def labelled(self) -> dict[str, LabelledQuality]:
        """Quality on labelled pairs, by model version."""
        found = {version: pairs.quality(seed=self._config.seed) for version, pairs in self._pairs.items()}
        return {version: quality for version, quality in found.items() if quality is not None}

    def summary(self) -> MonitorSummary:
        """Everything so far."""
        counts = self._join.counts
        return MonitorSummary(
            n_results=self._n_results,
            n_late=self._windows.n_late,
            n_future=self._n_future,
            n_windows=self._n_windows,
            n_drifted=self._n_drifted,
            labels_joined=counts.joined,
            labels_waiting=self._join.n_waiting_labels,
            labels_expired=counts.expired,
            labelled=self.labelled(),
        )

    def _note(self, changes: Iterable[PairChange]) -> None:
        for change in changes:
            new, old = change.new, change.old
            version = new.result.model_version
            pairs = self._pairs.get(version)
            if pairs is None:
                pairs = self._pairs[version] = PairCounts()
            self._pairs.move_to_end(version)
            while len(self._pairs) > _MAX_MODELS:
                self._pairs.popitem(last=False)
            if old is not None:
                pairs.take_back(old.truth, old.result.label, old.weight)
            pairs.add(new.truth, new.result.label, new.weight)
            if self._may_be_reference(new):
                self._joined[new.result.identity] = new
                while len(self._joined) > _MAX_REFERENCE_PAIRS:
                    self._joined.popitem(last=False)

    def _take_reference(self, results: Iterable[ScoredFeedback]) -> None:
        """Make these results the reference. Labels may join them too."""
        profile = Profile()
        times = []
        for result in results:
            seen = observe(result, self._token_facts)
            profile.add(seen)
            times.append(seen.at_ms)
            self._note(self._join.add_result(result, seen.confidence))
        self._reference, self._reference_span = profile, (min(times, default=0), max(times, default=0) + 1)

    def _may_be_reference(self, pair: LabelledPair) -> bool:
        start, end = self._reference_span
        return self._reference is None or start <= pair.result.at_ms < end

    def _judge(self, window: TimeWindow) -> WindowReport:
        profile, config = window.profile, self._config
        comparisons: list[FeatureComparison] = []
        outcome: WindowOutcome = "too_few"
        if profile.n >= config.drift.min_n:
            if self._reference is None:
                self._reference, self._reference_span = profile, (window.start_ms, window.end_ms)
                self._joined = OrderedDict(
                    (k, pair) for k, pair in self._joined.items() if self._may_be_reference(pair)
                )
                outcome = "reference"
            else:
                seed = (config.seed << 48) ^ window.start_ms
                comparisons = compare(self._reference, profile, config.drift, seed=seed)
                outcome = "drifted" if any(each.drifted for each in comparisons) else "steady"
        self._n_windows += 1
        self._n_drifted += outcome == "drifted"
        reference_models = set(self._reference.models) if self._reference is not None else set(profile.models)
        return WindowReport(
            start=_time(window.start_ms),
            end=_time(window.end_ms),
            partial=window.partial,
            n=profile.n,
            outcome=outcome,
            models=sorted(profile.models),
            model_changed=set(profile.models) != reference_models,
            text_features=profile.n_with_text > 0,
            accuracy=estimate_accuracy(profile, self._reference_pairs(set(profile.models))),
            comparisons=comparisons,
        )

    def _reference_pairs(self, models: set[str]) -> list[ReferencePair]:
        """The labelled reference results of these models. The confidence of other models says nothing about them."""
        if self._reference is None:
            return []
        return [
            ReferencePair(pair.result.confidence, pair.result.label == pair.truth, pair.weight)
            for pair in self._joined.values()
            if pair.result.model_version in models
        ]


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
