"""A result as detection sees it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from sentiment.events import ScoredFeedback
from sentiment.spikes.duplicates import event_key
from sentiment.spikes.parts import Kinds, parts_of
from sentiment.spikes.segment import SpikeObservation


def observation(
    scored: ScoredFeedback, *, include_unsupported_language: bool = False, kinds: Kinds = ()
) -> SpikeObservation:
    """What detection needs of a result. `kinds` are the parts of a product that are watched."""
    position = scored.position.key()
    return SpikeObservation(
        key=position,
        segment=scored.product,
        feed=f"{scored.position.topic}/{scored.position.partition}",
        event_ms=_milliseconds(scored.created_at),
        scored_ms=_milliseconds(scored.scored_at),
        negative=scored.label == "negative",
        p_negative=scored.probabilities.negative,
        text=scored.text,
        author=scored.author,
        model=scored.model,
        parts=parts_of(scored.product, kinds, partial(_value, scored)),
        event=event_key(scored.product, scored.event_id, position),
        left_out=scored.no_evidence or (scored.unsupported_language and not include_unsupported_language),
    )


def _value(scored: ScoredFeedback, field: str) -> Any:
    if field == "source":
        return scored.source
    return scored.language if field == "language" else scored.metadata.get(field)


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
