"""What the live page shows, counted from records. Bounded: by products, by minutes and by messages.

Its clock is the time of the latest result, so a replay of an old day looks like that day did.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from sentiment.events import Alert, Label, ScoredFeedback
from sentiment.spikes.explanation import Explanation
from sentiment.statistics import Estimate, wilson

MAX_PRODUCTS = 100
OTHERS = "(other products)"
"""Stands for the products beyond the first hundred."""

PERIOD = 60
"""Minutes that a share is taken over. The period before is as long."""

STEP = 10
"""Minutes between two points of the curve, of which each is taken over a period."""

POINTS = 36
MAX_MESSAGES = 200
MAX_EPISODES = 30

_KEPT = POINTS * STEP + PERIOD


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A result; the text is redacted, and empty if it is not published. `confidence` is that of the label."""

    product: str
    label: Label
    confidence: float
    text: str
    at: datetime


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product. Each point of `curve` ends a period: its last minute since 1970, results, negatives.

    Shares are None without a result. `expected` is what the detector holds for normal, as (low, share, high).
    """

    name: str
    n: int
    share: Estimate | None
    share_before: Estimate | None
    curve: list[tuple[int, int, int]]
    expected: tuple[float, float, float] | None
    verdict: str


class View(msgspec.Struct, frozen=True, kw_only=True):
    """All of the page. `trouble` is why it may be out of date."""

    version: int
    clock: datetime | None
    per_minute: float
    products: list[Product]
    episodes: list[Alert]
    messages: list[Message]
    dead_letters: dict[str, int]
    trouble: str


class LiveBoard:
    """Counts what comes. Not thread-safe."""

    def __init__(self) -> None:
        self._minutes: dict[str, OrderedDict[int, list[int]]] = {}
        """By product and minute: results and negatives."""
        self._latest = 0
        self._clock: datetime | None = None
        self._messages: list[tuple[tuple[datetime, int, int], Message]] = []
        """By time, and then by position: partitions are read one after the other at the start."""
        self._episodes: OrderedDict[str, Alert] = OrderedDict()
        self._dead_letters: Counter[str] = Counter()
        self._explained: Mapping[str, Explanation] = {}
        self._trouble = ""
        self.version = 0

    def scored(self, result: ScoredFeedback) -> None:
        """Count a result. One that is older than the curve is at most a message."""
        self.version += 1
        minute = int(result.created_at.timestamp()) // 60
        if self._clock is None or result.created_at > self._clock:
            self._clock, self._latest = result.created_at, minute
        known = result.product in self._minutes or len(self._minutes) < MAX_PRODUCTS
        minutes = self._minutes.setdefault(result.product if known else OTHERS, OrderedDict())
        if minute > self._latest - _KEPT and not result.no_evidence:
            counts = minutes.setdefault(minute, [0, 0])
            counts[0] += 1
            counts[1] += result.label == "negative"
        for old in [each for each in minutes if each <= self._latest - _KEPT]:
            del minutes[old]
        confidence = getattr(result.probabilities, result.label)
        message = Message(
            product=result.product,
            label=result.label,
            confidence=confidence,
            text=result.text or "",
            at=result.created_at,
        )
        order = (result.created_at, result.position.partition, result.position.offset)
        insort(self._messages, (order, message), key=lambda each: each[0])
        del self._messages[:-MAX_MESSAGES]

    def alerted(self, alert: Alert) -> None:
        """Note the state of an episode."""
        self.version += 1
        self._episodes[alert.episode_id] = alert
        self._episodes.move_to_end(alert.episode_id)
        while len(self._episodes) > MAX_EPISODES:
            ended = (name for name, each in self._episodes.items() if each.status == "resolved")
            del self._episodes[next(ended, next(iter(self._episodes)))]

    def parked(self, reason: str) -> None:
        """Count a dead letter."""
        self.version += 1
        self._dead_letters[reason] += 1

    def explained(self, explanations: Iterable[Explanation]) -> None:
        """Note what the detector knows of segments."""
        self.version += 1
        self._explained = {each.segment: each for each in explanations}

    def troubled(self, trouble: str) -> None:
        """Note why the page may be out of date; empty if it is not."""
        if trouble != self._trouble:
            self.version += 1
            self._trouble = trouble

    def view(self) -> View:
        """The page now: products with open episodes first, then those with most results."""
        products = [self._product(name, minutes) for name, minutes in self._minutes.items()]
        alarming = {each.segment for each in self._episodes.values() if each.status == "firing"}
        lately = sum(self._total(minutes, 0)[0] for minutes in self._minutes.values())
        return View(
            version=self.version,
            clock=self._clock,
            per_minute=lately / PERIOD,
            products=sorted(products, key=lambda each: (each.name not in alarming, -each.n, each.name)),
            episodes=sorted(
                self._episodes.values(), key=lambda each: (each.status == "firing", each.started_at), reverse=True
            ),
            messages=[message for _, message in reversed(self._messages)],
            dead_letters=dict(self._dead_letters.most_common()),
            trouble=self._trouble,
        )

    def _product(self, name: str, minutes: Mapping[int, list[int]]) -> Product:
        explained = self._explained.get(name)
        n, negatives = self._total(minutes, 0)
        return Product(
            name=name,
            n=n,
            share=_share(n, negatives),
            share_before=_share(*self._total(minutes, PERIOD)),
            curve=[
                (self._latest - back, *self._total(minutes, back)) for back in range((POINTS - 1) * STEP, -1, -STEP)
            ],
            expected=None if explained is None else (explained.low, explained.expected, explained.high),
            verdict="" if explained is None else explained.verdict,
        )

    def _total(self, minutes: Mapping[int, list[int]], back: int) -> tuple[int, int]:
        """Results and negatives of the period that ends `back` minutes before the clock."""
        last = self._latest - back
        counts = [minutes[minute] for minute in range(last - PERIOD + 1, last + 1) if minute in minutes]
        return sum(each[0] for each in counts), sum(each[1] for each in counts)


def _share(n: int, negatives: int) -> Estimate | None:
    return wilson(negatives / n, n) if n else None
