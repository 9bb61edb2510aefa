"""From an answered event to the record on the results topic, without personal data."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consumers.cluster.records import Header, OutgoingRecord, Record
from sentiment.errors import PoisonReason, PoisonRecord
from sentiment.events import HEADER_SOURCE_KEY, FeedbackEvent, ScoredFeedback, SourcePosition, encode
from sentiment.privacy import pseudonym, safe_identifier
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

    def write(self, record: Record, answered: AnsweredEvent, now: datetime) -> OutgoingRecord:
        """The result for `record`, keyed by segment. The same input and model always give the same identity.

        Raises:
            PoisonRecord: the answer is not a distribution, or the result is larger than Kafka takes.
        """
        event, answer = answered.event, answered.answer
        shares = answer.probabilities
        if not math.isclose(shares.negative + shares.neutral + shares.positive, 1.0, abs_tol=1e-3):  # also for NaN
            raise PoisonRecord(PoisonReason.MODEL_REJECTED, "the model's answer is not a distribution")
        product = self._safe(event.product)
        scored = ScoredFeedback(
            event_id=self._safe(event.id),
            position=SourcePosition(topic=record.topic, partition=record.partition, offset=record.offset),
            label=answer.label,
            probabilities=shares,
            score=answer.score,
            text=answer.text if self.publish_text else None,
            product=product,
            source=self._safe(event.source),
            author=None if event.author_id is None else pseudonym(event.author_id, self.hash_key),
            rating=event.rating,
            metadata=answered.metadata,
            created_at=event.created_at,
            scored_at=now,
            model=answer.model,
            language=answer.language if event.language is None else self._safe(event.language),
            unsupported_language=answer.unsupported_language,
            n_chunks=answer.n_chunks,
            truncated=answer.truncated,
            redactions=answered.redactions,
        )
        result = OutgoingRecord(self.topic, encode(scored), product.encode(), self._headers(record))
        size = Record(self.topic, 0, 0, 0, result.key, result.value, result.headers).n_bytes
        if size + _FRAMING_BYTES > self.limit_bytes:
            raise PoisonRecord(PoisonReason.RECORD_TOO_LARGE, f"the result would take {size} bytes")
        return result

    def _safe(self, identifier: str) -> str:
        return _remembered_safe_identifier(identifier, self.hash_key)

    def _headers(self, record: Record) -> tuple[Header, ...]:
        """The record's headers and its key, each made safe. Bytes that are not text are read as Latin-1."""
        passed = tuple(
            (self._safe(name), self._safe_bytes(value)) for name, value in record.headers if name != HEADER_SOURCE_KEY
        )
        key = () if record.key is None else ((HEADER_SOURCE_KEY, self._safe_bytes(record.key)),)
        return passed + key

    def _safe_bytes(self, value: bytes | None) -> bytes | None:
        if value is None:
            return None
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        safe = self._safe(text)
        return value if safe == text else safe.encode()


@functools.lru_cache(maxsize=4_096)
def _remembered_safe_identifier(identifier: str, key: bytes) -> str:
    """`safe_identifier` with a cache, because the same few products, sources and header values keep coming."""
    return safe_identifier(identifier, key)
