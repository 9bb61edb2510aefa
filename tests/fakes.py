"""Stand-ins for what is slow or not deterministic, honouring the real protocols."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sentiment.events import Label, ModelRef
from sentiment.model.classifier import BatchInfo, Prediction
from sentiment.privacy import Entity, search_names

_PROBABILITIES: dict[Label, tuple[float, float, float]] = {
    "negative": (0.8, 0.15, 0.05),
    "neutral": (0.1, 0.8, 0.1),
    "positive": (0.05, 0.15, 0.8),
}


@dataclass
class LexiconClassifier:
    """Positive where the text says `great`, negative where it says `awful`, else neutral."""

    seconds_per_text: float = 0.0
    seen: list[str] = field(default_factory=list)
    model: ModelRef = field(default_factory=lambda: ModelRef(name="lexicon", version="1"))
    backend: str = "fake"

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        """One prediction for each text; remembers the texts."""
        if self.seconds_per_text:
            time.sleep(self.seconds_per_text * len(texts))  # a model takes time: so is there a middle to be killed in
        self.seen.extend(texts)
        n_tokens = sum(len(text.split()) for text in texts)
        info = BatchInfo(n_tokens, n_tokens + len(texts), 0.0, 0.0)
        return [_predict(text) for text in texts], info


def _predict(text: str) -> Prediction:
    label: Label = "positive" if "great" in text else "negative" if "awful" in text else "neutral"
    negative, neutral, positive = _PROBABILITIES[label]
    return Prediction((negative, neutral, positive), label, positive - negative, n_chunks=1, truncated=False)


@dataclass
class KnownNames:
    """A `Recogniser` that knows some names by heart; remembers what it read."""

    names: tuple[str, ...] = ("Jane Roe", "Kofi")
    seen: list[str] = field(default_factory=list)

    def __call__(self, pieces: Sequence[str]) -> list[list[Entity]]:
        """Every place of every name, as PERSON."""
        self.seen.extend(pieces)
        known = re.compile("|".join(map(re.escape, self.names)))
        return [[(*match.span(), "PERSON") for match in known.finditer(piece)] for piece in pieces]


@contextmanager
def names_searched() -> Iterator[KnownNames]:
    """Redaction looks for names inside the block."""
    known = KnownNames()
    search_names(known)
    try:
        yield known
    finally:
        search_names(None)


@dataclass
class ManualClock:
    """A clock that moves only when told to."""

    seconds: float = 0.0
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Start plus the seconds that were let pass."""
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """The seconds that were let pass."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
