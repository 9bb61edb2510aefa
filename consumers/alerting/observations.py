"""A result as detection sees it."""

from __future__ import annotations

from datetime import datetime

from consumers.cluster.records import partition_name
from sentiment.events import ScoredFeedback
from sentiment.spikes.duplicates import event_key
from sentiment.spikes.segment import SpikeObservation


def observation(scored: ScoredFeedback, *, include_unsupported_language: bool = False) -> SpikeObservation:
    """What detection needs of a result."""
    position = scored.position.key()
    return SpikeObservation(
        key=position,
        segment=scored.product,
        feed=partition_name(scored.position.topic, scored.position.partition),
        event_ms=_milliseconds(scored.created_at),
        scored_ms=_milliseconds(scored.scored_at),
        negative=scored.label == "negative",
        p_negative=scored.probabilities.negative,
        text=scored.text,
        author=scored.author,
        model=scored.model,
        event=event_key(scored.product, scored.event_id, position),
        left_out=scored.no_evidence or (scored.unsupported_language and not include_unsupported_language),
    )


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
