"""The histograms of one window: of all results together, and of each segment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sentiment.drift.features import FEATURES, DriftObservation, bins_of

EVERYTHING = "*"
"""The segment that holds all results."""

MAX_SEGMENTS = 20
"""How many segments have their own histograms. Results of further segments count in `EVERYTHING` only."""

_MAX_BINS = 40
_OTHER = "other"


@dataclass(slots=True)
class Histograms:
    """Counts by feature and bin. `n` is the number of results; a histogram's sum is smaller if texts are missing."""

    n: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {feature: Counter() for feature in FEATURES})

    def add(self, bins: dict[str, str]) -> None:
        """Count one result."""
        self.n += 1
        for feature, name in bins.items():
            counts = self.counts[feature]
            # Only the bins of languages are not a fixed set.
            counts[name if name in counts or len(counts) < _MAX_BINS else _OTHER] += 1


@dataclass(slots=True)
class Profile:
    """What is kept of a window, in constant memory for any number of results."""

    segments: dict[str, Histograms] = field(default_factory=lambda: {EVERYTHING: Histograms()})
    models: Counter[str] = field(default_factory=Counter)
    confidence_sum: float = 0.0
    confidence_square_sum: float = 0.0
    confidence_thousandths: Counter[int] = field(default_factory=Counter)

    @property
    def n(self) -> int:
        """The number of results."""
        return self.segments[EVERYTHING].n

    @property
    def n_with_text(self) -> int:
        """The number of results that carry their text."""
        return self.segments[EVERYTHING].counts["text_length"].total()

    def add(self, seen: DriftObservation) -> None:
        """Count one result."""
        bins = bins_of(seen)
        self.segments[EVERYTHING].add(bins)
        own = self.segments.get(seen.segment)
        if own is None and len(self.segments) <= MAX_SEGMENTS:
            own = self.segments[seen.segment] = Histograms()
        if own is not None and seen.segment != EVERYTHING:
            own.add(bins)
        self.models[seen.model_version] += 1
        self.confidence_sum += seen.confidence
        self.confidence_square_sum += seen.confidence**2
        self.confidence_thousandths[int(seen.confidence * 1000)] += 1
