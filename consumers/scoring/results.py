"""From an answered event to the record on the results topic, without personal data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from consumers.cluster.records import OutgoingRecord, Record
from consumers.scoring.identifiers import Identifiers
from sentiment.errors import PoisonReason, PoisonRecord
from sentiment.events import FeedbackEvent, ScoredFeedback, SourcePosition, encode
from sentiment.privacy import UNCHECKED, pseudonym
from sentiment.scoring import Answer

_FRAMING_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class AnsweredEvent:
    """An event with its answer. `metadata` is redacted; `redactions` counts what was found in text and metadata."""

    event: FeedbackEvent
    answer: Answer
    metadata: dict[str, Any]
    redactions: dict[str, int]


@dataclass(frozen=True, slots=True)
class ResultWriter:
    """Makes the results for one topic. `hash_key` is the key for pseudonyms."""

    topic: str
    hash_key: bytes
    publish_text: bool
    limit_bytes: int

    def write(self, record: Record, answered: AnsweredEvent, now: datetime) -> tuple[OutgoingRecord, Mapping[str, int]]:
        """The result for `record`, keyed by segment, and how many values of each kind were redacted in all of it.

        The same input and model always give the same identity.

        Raises:
            PoisonRecord: the answer is not a distribution, or the result is larger than Kafka takes.
        """
        event, answer = answered.event, answered.answer
        shares = answer.probabilities
        if not math.isclose(shares.negative + shares.neutral + shares.positive, 1.0, abs_tol=1e-3):  # also for NaN
            raise PoisonRecord(PoisonReason.MODEL_REJECTED, "the model's answer is not a distribution")
        identifiers = Identifiers(self.hash_key)
        product, event_id, source = map(identifiers.safe, (event.product, event.id, event.source))
        language = answer.language if event.language is None else identifiers.safe(event.language)
        headers = identifiers.headers(record)
        redactions = dict(answered.redactions)
        if identifiers.unchecked:
            redactions[UNCHECKED] = redactions.get(UNCHECKED, 0) + identifiers.unchecked
        scored = ScoredFeedback(
            event_id=event_id,
            position=SourcePosition(topic=record.topic, partition=record.partition, offset=record.offset),
            label=answer.label,
            probabilities=shares,
            score=answer.score,
            text=answer.text if self.publish_text else None,
            product=product,
            source=source,
            author=None if event.author_id is None else pseudonym(event.author_id, self.hash_key),
            rating=event.rating,
            metadata=answered.metadata,
            created_at=event.created_at or now,
            scored_at=now,
            model=answer.model,
            language=language,
            unsupported_language=answer.unsupported_language,
            n_chunks=answer.n_chunks,
            truncated=answer.truncated,
            no_evidence=answer.no_evidence,
            redactions=redactions,
            undated=event.created_at is None,
            exit_layer=msgspec.UNSET if answer.exit_layer is None else answer.exit_layer,
        )
        result = OutgoingRecord(self.topic, encode(scored), product.encode(), headers)
        size = Record(self.topic, 0, 0, 0, result.key, result.value, result.headers).n_bytes
        if size + _FRAMING_BYTES > self.limit_bytes:
            raise PoisonRecord(PoisonReason.RECORD_TOO_LARGE, f"the result would take {size} bytes")
        return result, redactions
