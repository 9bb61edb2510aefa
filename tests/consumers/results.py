"""Invented results, as they are on the results topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from consumers.cluster.records import OutgoingRecord, Record
from sentiment.events import Label, ModelRef, Probabilities, ScoredFeedback, SourcePosition, encode

START = datetime(2026, 3, 1, tzinfo=UTC)
MODEL = ModelRef(name="lexicon", version="1")
_PROBABILITIES: dict[Label, tuple[float, float, float]] = {
    "negative": (0.9, 0.05, 0.05),
    "neutral": (0.1, 0.8, 0.1),
    "positive": (0.05, 0.05, 0.9),
}


def scored(
    number: int,
    created_at: datetime,
    label: Label,
    *,
    product: str = "app",
    partition: int = 0,
    text: str | None = "the text",
    scored_at: datetime | None = None,
    unsupported_language: bool = False,
    model: ModelRef = MODEL,
    event_id: str | None = None,
) -> ScoredFeedback:
    """The result of the feedback at offset `number` of a partition. Scored at its event time by default."""
    negative, neutral, positive = _PROBABILITIES[label]
    return ScoredFeedback(
        event_id=f"e{number}" if event_id is None else event_id,
        position=SourcePosition(topic="feedback", partition=partition, offset=number),
        label=label,
        probabilities=Probabilities(negative=negative, neutral=neutral, positive=positive),
        score=positive - negative,
        text=text,
        product=product,
        source="web",
        author=None,
        rating=None,
        metadata={},
        created_at=created_at,
        scored_at=created_at if scored_at is None else scored_at,
        model=model,
        language="en",
        unsupported_language=unsupported_language,
        n_chunks=1,
        truncated=False,
        redactions={},
    )


def a_day(
    *,
    product: str = "app",
    incident: tuple[int, int] | None = (16 * 60, 17 * 60 + 30),
    partitions: int = 4,
    start: datetime = START,
    minutes: int = 24 * 60,
) -> list[ScoredFeedback]:
    """A result every four minutes, one in eight negative. In the incident one per minute, four in five negative."""
    made: list[ScoredFeedback] = []
    for minute in range(minutes):
        inside = incident is not None and incident[0] <= minute < incident[1]
        if not inside and minute % 4:
            continue
        number = len(made)
        negative = number % 5 != 0 if inside else number % 8 == 0
        text = f"payment declined and charged twice, case {number}" if inside else f"a bit slow today, case {number}"
        label: Label = "negative" if negative else "positive"
        at = start + timedelta(minutes=minute)
        made.append(scored(number, at, label, product=product, partition=number % partitions, text=text))
    return made


def outgoing(results: Iterable[ScoredFeedback], topic: str = "sentiment") -> list[OutgoingRecord]:
    """The results as a scoring worker would produce them."""
    return [OutgoingRecord(topic, encode(result), key=result.product.encode()) for result in results]


def consumed(results: Sequence[ScoredFeedback], *, first_offset: int = 0, partition: int = 0) -> tuple[Record, ...]:
    """The results as consumed from one partition, with their scoring times as timestamps."""
    return tuple(
        Record(
            "sentiment",
            partition,
            first_offset + place,
            int(result.scored_at.timestamp() * 1000),
            result.product.encode(),
            encode(result),
        )
        for place, result in enumerate(results)
    )
