"""Runs the detector over a history, segment by segment, and then over made-up histories like it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from zlib import crc32

import numpy as np

from consumers.backtesting.finished import Finished
from consumers.backtesting.history import History
from consumers.backtesting.trials import BUDGETS, RISES, Found, Null, false_alarms_a_week, hide_rises, with_budget
from sentiment.events import Alert
from sentiment.progress import Progress
from sentiment.spikes.buckets import MINUTE_MS
from sentiment.spikes.replay import alert_at_its_time, openings, replay
from sentiment.spikes.segment import SpikeConfig, SpikeObservation
from sentiment.spikes.stream import StreamMonitor

HOUR = 60
_LEAST_DAYS = 3
_BAND_DEVIATIONS = 2.0


@dataclass(frozen=True, slots=True)
class Hour:
    """Results of an hour, and the share that was expected at its end with two standard deviations on either side.

    `minute` is its first one since 1970. Expectations are None while the segment was still learning.
    """

    minute: int
    n: int
    negatives: int
    expected: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """What a budget of false alarms a week means: what it would have paged, and false alarms in made-up weeks."""

    false_alarms_per_week: float
    paged: int
    simulated: float


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """One product, with the alerts of its parts.

    `simulated` is false if its history is too short, or if it is not among the busiest.
    """

    name: str
    n: int
    negatives: int
    days: float
    alerts: list[Alert]
    hours: list[Hour]
    budgets: list[Budget]
    rises: list[Found]
    simulated: bool

    @property
    def paged(self) -> list[Alert]:
        """The firing alerts that would have been sent."""
        return [alert for alert in self.alerts if alert.status == "firing" and alert.silenced is None]


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """All segments, busiest first, at the budget of the settings."""

    budget: float
    segments: list[SegmentReport]
    left_out: dict[str, int]

    @property
    def alerts(self) -> list[Alert]:
        """Of all segments, in order of time."""
        return sorted((alert for segment in self.segments for alert in segment.alerts), key=lambda a: a.created_at)


def run_backtest(
    history: History,
    config: SpikeConfig,
    progress: Progress,
    *,
    trials: int,
    most_segments: int,
    finished: Finished | None = None,
) -> BacktestReport:
    """Replay every segment. The busiest are also simulated, each part `trials` times.

    `finished` knows what an interrupted run has done. Raises ``InputError`` if it cannot remember more.
    """
    names = sorted(history.segments, key=lambda name: (-len(history.segments[name]), name))
    progress.begin("segments", len(names))
    reports = []
    for number, name in enumerate(names, start=1):
        work = (name, history.segments[name], config, trials if number <= most_segments else 0)
        compute = partial(_segment, *work)
        reports.append(compute() if finished is None else finished.get(SegmentReport, work, compute))
        progress.at(number)
    return BacktestReport(config.detector.false_alarms_per_week, reports, dict(history.left_out))


def _segment(name: str, seen: Sequence[SpikeObservation], config: SpikeConfig, trials: int) -> SegmentReport:
    monitor = StreamMonitor(config)
    hours = _Hours(monitor, name, config)
    alerts = [alert_at_its_time(change) for change in replay(monitor, hours.watch(seen))]
    counts = hours.counts
    days = (max(counts) - min(counts) + 1) / 1_440 if counts else 0.0
    simulated = bool(trials) and days >= _LEAST_DAYS
    budgets, rises = [], []
    if simulated:
        null = Null.of(monitor.segments[name], counts, config)
        rng = np.random.default_rng(crc32(name.encode()))
        for budget in sorted({*BUDGETS, config.detector.false_alarms_per_week}):
            paged = len(openings(counts, with_budget(config, budget)))
            rates = [false_alarms_a_week(null, budget, config, rng) for _ in range(trials)]
            budgets.append(Budget(budget, paged, float(np.mean(rates))))
        rises = [hide_rises(null, *rise, config, rng, trials) for rise in RISES]
    return SegmentReport(
        name=name,
        n=sum(n for n, _ in counts.values()),
        negatives=sum(negatives for _, negatives in counts.values()),
        days=days,
        alerts=alerts,
        hours=hours.hours,
        budgets=budgets,
        rises=rises,
        simulated=simulated,
    )


class _Hours:
    """Counts by minute, and what was expected at the end of each hour, while results pass."""

    def __init__(self, monitor: StreamMonitor, segment: str, config: SpikeConfig) -> None:
        self._monitor = monitor
        self._segment = segment
        self._config = config
        self.hours: list[Hour] = []
        self.counts: dict[int, tuple[int, int]] = {}

    def watch(self, seen: Sequence[SpikeObservation]) -> Iterator[SpikeObservation]:
        """Pass the results on, in order of time."""
        current: int | None = None
        for each in seen:
            minute = each.event_ms // MINUTE_MS
            hour = minute // HOUR
            if current is not None and hour != current:
                self._close(current)
            current = hour
            if not each.left_out:
                n, negatives = self.counts.get(minute, (0, 0))
                self.counts[minute] = (n + 1, negatives + each.negative)
            yield each
        if current is not None:
            self._close(current)

    def _close(self, hour: int) -> None:
        first = hour * HOUR
        inside = [self.counts[minute] for minute in range(first, first + HOUR) if minute in self.counts]
        n, negatives = sum(n for n, _ in inside), sum(k for _, k in inside)
        state = self._monitor.segments.get(self._segment)
        expected = None if state is None else state.baseline.expected(first + HOUR - 1, self._config.baseline)
        if expected is None or not expected.ready:
            self.hours.append(Hour(first, n, negatives, None, None, None))
            return
        low, high = expected.cautious(-_BAND_DEVIATIONS), expected.cautious(_BAND_DEVIATIONS)
        self.hours.append(Hour(first, n, negatives, expected.share, low, high))
