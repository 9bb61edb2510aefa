"""What the views show, but not how: counts by product and over the stream's time, and rates."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from consumers.demo.verify import Tally
from sentiment.events import LABELS, Alert, Label, ScoredFeedback

COLUMNS = 36
"""Width of the charts over the stream's time."""

RATE_SECONDS = 24
"""Width of the chart of throughput: one column a second."""


@dataclass(slots=True)
class Column:
    """The results of one product in one section of the stream's time."""

    n: int = 0
    negatives: int = 0


@dataclass(slots=True)
class Board:
    """The state of the display. `span` is the time from the first event to the last; `started_s` is monotonic."""

    title: str
    total: int
    span: timedelta
    started_s: float
    tally: Tally = field(default_factory=Tally)
    phase: str = ""
    now_s: float = 0.0
    notices: deque[str] = field(default_factory=lambda: deque(maxlen=6))
    alerts: list[Alert] = field(default_factory=list)
    labels: dict[str, Counter[Label]] = field(default_factory=lambda: defaultdict(Counter))
    _columns: dict[str, list[Column]] = field(default_factory=dict)
    _origin: datetime | None = None
    _per_second: deque[int] = field(default_factory=lambda: deque([0] * RATE_SECONDS, maxlen=RATE_SECONDS))
    _second: int = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self.now_s - self.started_s

    @property
    def lag(self) -> int:
        """Published events without a result or dead letter. Approximate if results are seen before their events."""
        tally = self.tally
        return max(0, len(tally.events) - len(tally.results) - len(tally.dead_letters))

    @property
    def per_second(self) -> list[int]:
        """Results in each of the last full seconds, the latest last."""
        return list(self._per_second)[:-1]

    @property
    def rate(self) -> float:
        """Results per second, over the last five full seconds."""
        recent = self.per_second[-5:]
        return sum(recent) / len(recent)

    def tick(self, now_s: float) -> None:
        """Set the time."""
        self.now_s = now_s
        second = int(now_s - self.started_s)
        for _ in range(min(second - self._second, RATE_SECONDS)):
            self._per_second.append(0)
        self._second = second

    def take(self, seen: Iterable[ScoredFeedback | Alert]) -> list[Alert]:
        """Add what the observer saw. Returns the alerts among it."""
        alerts = []
        for each in seen:
            if isinstance(each, Alert):
                alerts.append(each)
                continue
            self.labels[each.product][each.label] += 1
            self._per_second[-1] += 1
            self._enter(each)
        self.alerts += alerts
        return alerts

    def shares(self, product: str) -> dict[Label, float]:
        """The share of each label among the results of a product. All are 0 before the first result."""
        n = self.labels[product].total() or 1
        return {label: self.labels[product][label] / n for label in LABELS}

    def negative_shares(self, product: str) -> list[float | None]:
        """The share of negatives over the stream's time, each column together with the one before. None: no results."""
        columns = self._columns.get(product, [])
        pairs = zip([Column(), *columns], columns, strict=False)
        return [(old.negatives + new.negatives) / (old.n + new.n) if new.n else None for old, new in pairs]

    def _enter(self, result: ScoredFeedback) -> None:
        origin = self._origin = min(self._origin or result.created_at, result.created_at)
        place = (result.created_at - origin) / self.span * COLUMNS if self.span else 0
        columns = self._columns.setdefault(result.product, [Column() for _ in range(COLUMNS)])
        column = columns[max(0, min(COLUMNS - 1, int(place)))]
        column.n += 1
        column.negatives += result.label == "negative"
