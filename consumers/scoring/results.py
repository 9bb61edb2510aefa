"""From a feedback event and its prediction to the record on the results topic, with personal data taken out."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consumers.cluster.records import Header, OutgoingRecord, Record
from sentiment.errors import PoisonReason, PoisonRecord
from sentiment.events import (
    HEADER_SOURCE_KEY,
    FeedbackEvent,
    ModelRef,
    Probabilities,
    ScoredFeedback,
    SourcePosition,
    encode,
)
from sentiment.language import detect_language
from sentiment.model.classifier import Prediction
from sentiment.privacy import pseudonym, redact, redact_json, safe_identifier
from sentiment.text import normalise

_FRAMING_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class SafeEvent:
    """A feedback event after redaction: nothing in it tells who wrote it."""

    record: Record
    event: FeedbackEvent
    text: str
    metadata: dict[str, Any]
    redactions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ResultWriter:
    """Makes results for one topic. `hash_key` is the key of pseudonyms."""

    topic: str
    hash_key: bytes
    publish_text: bool
    limit_bytes: int

    def make_safe(self, record: Record, event: FeedbackEvent) -> SafeEvent:
        """Redact what is free text; identifiers are made safe when the result is written."""
        redacted = redact(event.text)
        metadata, found = redact_json(event.metadata)
        counts = Counter(redacted.counts) + Counter(found)
        return SafeEvent(record, event, redacted.text, metadata if isinstance(metadata, dict) else {}, dict(counts))

    def write(self, safe: SafeEvent, prediction: Prediction, model: ModelRef, now: datetime) -> OutgoingRecord:
        """The result record, keyed by segment; the same input and `model` give the same identity again.

        Raises:
            PoisonRecord: the prediction is not a distribution, or the result is larger than Kafka takes.
        """
        record, event = safe.record, safe.event
        negative, neutral, positive = prediction.probabilities
        if not math.isclose(negative + neutral + positive, 1.0, abs_tol=1e-3):  # also false for NaN
            raise PoisonRecord(PoisonReason.MODEL_REJECTED, "the model's answer is not a distribution")
        language = detect_language(normalise(safe.text))
        product = self._safe(event.product)
        scored = ScoredFeedback(
            event_id=self._safe(event.id),
            position=SourcePosition(topic=record.topic, partition=record.partition, offset=record.offset),
            label=prediction.label,
            probabilities=Probabilities(negative=negative, neutral=neutral, positive=positive),
            score=prediction.score,
            text=safe.text if self.publish_text else None,
            product=product,
            source=self._safe(event.source),
            author=None if event.author_id is None else pseudonym(event.author_id, self.hash_key),
            rating=event.rating,
            metadata=safe.metadata,
            created_at=event.created_at,
            scored_at=now,
            model=model,
            language=language.code if event.language is None else self._safe(event.language),
            unsupported_language=language.unsupported,
            n_chunks=prediction.n_chunks,
            truncated=prediction.truncated,
            redactions=dict(safe.redactions),
        )
        result = OutgoingRecord(self.topic, encode(scored), product.encode(), self._headers(record))
        size = Record(self.topic, 0, 0, 0, result.key, result.value, result.headers).n_bytes
        if size + _FRAMING_BYTES > self.limit_bytes:
            raise PoisonRecord(PoisonReason.RECORD_TOO_LARGE, f"its result would take {size} bytes")
        return result

    def _safe(self, identifier: str) -> str:
        return _remembered_safe_identifier(identifier, self.hash_key)

    def _headers(self, record: Record) -> tuple[Header, ...]:
        """The record's headers and its key, each made safe. One that is not text is judged byte by byte."""
        passed = tuple(
            (self._safe(name), self._safe_bytes(value)) for name, value in record.headers if name != HEADER_SOURCE_KEY
        )
        key = () if record.key is None else ((HEADER_SOURCE_KEY, self._safe_bytes(record.key)),)
        return passed + key

    def _safe_bytes(self, value: bytes) -> bytes:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        safe = self._safe(text)
        return value if safe == text else safe.encode()


@functools.lru_cache(maxsize=4_096)
def _remembered_safe_identifier(identifier: str, key: bytes) -> str:
    """`safe_identifier`; the same few products, sources and header values come again and again."""
    return safe_identifier(identifier, key)
