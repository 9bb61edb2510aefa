"""The contracts on the topics: types, bounds, encoding and decoding.

Values are UTF-8 JSON objects with a `schema_version`. Times are RFC 3339; the decoders return them in UTC, and take one
without a zone for UTC. Unknown fields pass, but bounds are strict. The JSON Schemas are generated from these types.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from sentiment.decoding import check_bounds, decode_json, from_timestamp
from sentiment.errors import PoisonReason, PoisonRecord

SCHEMA_VERSION = 1
MAX_TEXT_CHARS = 32_768
MAX_METADATA_DEPTH = 8
MAX_METADATA_ITEMS = 1_024
# The longest text with every character escaped as a \uXXXX pair takes 393,216 bytes; the rest is for the other fields.
MAX_RECORD_BYTES = 1_048_576

Label = Literal["negative", "neutral", "positive"]
LABELS: tuple[Label, ...] = get_args(Label)
"""Index order of every probability vector in the project."""

HEADER_SOURCE_KEY = "source-key"

Text = Annotated[str, Meta(max_length=MAX_TEXT_CHARS)]
ShortText = Annotated[str, Meta(max_length=2_048)]
Identifier = Annotated[str, Meta(min_length=1, max_length=512)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
LanguageCode = Annotated[str, Meta(max_length=35)]  # BCP 47 tags are at most this long in practice
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
Score = Annotated[float, Meta(ge=-1.0, le=1.0)]
Count = Annotated[int, Meta(ge=0)]
# The number changes only when an old reader would misread a new record.
SchemaVersion = Annotated[int, Meta(ge=1)]


class SourcePosition(msgspec.Struct, frozen=True, kw_only=True):
    """The position of a feedback record in Kafka, from which every deterministic identity follows."""

    topic: Identifier
    partition: Count
    offset: Count

    def key(self) -> str:
        """`topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class FeedbackEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One complete piece of feedback: `decode_feedback` has filled in a missing `id` or `created_at`.

    `created_at` is None only if the record had no timestamp either.
    """

    id: Identifier
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARS)]
    created_at: datetime | None
    product: Name = "unknown"
    source: Name = "unknown"
    author_id: Identifier | None = None
    language: LanguageCode | None = None
    rating: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    metadata: dict[str, Any] = {}
    schema_version: SchemaVersion = SCHEMA_VERSION


class FeedbackInput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A feedback record as producers write it. Only `text` is required.

    `id` defaults to the record's topic/partition/offset, `created_at` to the record's timestamp, and if the record has
    none, to the time of scoring.
    """

    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARS)]
    id: Identifier | None = None
    created_at: datetime | None = None
    product: Name | None = None
    source: Name | None = None
    author_id: Identifier | None = None
    language: LanguageCode | None = None
    rating: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    metadata: dict[str, Any] | None = None
    schema_version: SchemaVersion = SCHEMA_VERSION


class ModelRef(msgspec.Struct, frozen=True, kw_only=True):
    """The model that gave a result."""

    name: Name
    version: Name


class Probabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Calibrated class probabilities, which sum to 1."""

    negative: Probability
    neutral: Probability
    positive: Probability


class ScoredFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """One result. `score` = p(positive) − p(negative), in [−1, 1]. `text` is redacted, or None by configuration.

    `no_evidence`: the model knows nothing of the text, so the label is neutral and no opinion.
    `undated`: neither the event nor its record had a time, so `created_at` is the time of scoring.
    `label` is the most likely one, unless the model has a decision rule: do not compute it from `probabilities`.
    `exit_layer` is the layer after which the text left a model with early exits; unset if all layers were computed.
    """

    event_id: Identifier
    position: SourcePosition
    label: Label
    probabilities: Probabilities
    score: Score
    text: Text | None
    product: Name
    source: Name
    author: Identifier | None
    rating: float | None
    metadata: dict[str, Any]
    created_at: datetime
    scored_at: datetime
    model: ModelRef
    language: LanguageCode | None
    unsupported_language: bool
    n_chunks: Annotated[int, Meta(ge=1)]
    truncated: bool
    redactions: dict[str, int]
    no_evidence: bool = False
    undated: bool = False
    exit_layer: Annotated[int, Meta(ge=1)] | msgspec.UnsetType = msgspec.UNSET
    schema_version: SchemaVersion = SCHEMA_VERSION

    def identity(self) -> str:
        """The identity of a result. The same input and model never have two."""
        return f"{self.position.key()}@{self.model.version}"


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share with its 95 % interval."""

    value: Probability
    low: Probability
    high: Probability


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an episode of raised negative feedback in one segment. A replay gives it the same id.

    `corrected` is the share without the errors of the model, as far as these are known: see docs/alerts.md.
    `silenced` is why people are not told: the reason of a silence. It is None in alerts that are to be delivered.
    """

    alert_id: Identifier
    episode_id: Identifier
    status: Literal["firing", "resolved"]
    segment: Name
    severity: Literal["warning", "critical"]
    window_start: datetime
    window_end: datetime
    n: Count
    negatives: Count
    observed: Rate
    expected: Probability
    probability_of_chance: Probability
    drivers: list[ShortText]
    exemplars: list[ShortText]
    model: ModelRef | None
    started_at: datetime
    created_at: datetime
    message: ShortText
    corrected: Rate | None = None
    silenced: ShortText | None = None
    schema_version: SchemaVersion = SCHEMA_VERSION


class LateLabel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The true label of one event, which people or a business process provide later.

    It names its event by the `event_id` of the result, or by the source `position`; one of them is required.
    `inclusion_probability` is the chance that the event had of being labelled, if that is known by design (a random
    sample); estimates are weighted by its inverse. If an event has several labels, the latest `labelled_at` wins.
    """

    label: Label
    labelled_at: datetime
    event_id: Identifier | None = None
    position: SourcePosition | None = None
    annotator: Identifier | None = None
    inclusion_probability: Annotated[float, Meta(gt=0.0, le=1.0)] | None = None
    schema_version: SchemaVersion = SCHEMA_VERSION


class DeadLetterHeaders(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """The headers of a dead letter, as UTF-8 text. Its value and key are the original bytes.

    The headers of the source record are kept with the prefix `source-`.
    """

    dead_letter_reason: PoisonReason
    dead_letter_message: ShortText
    dead_letter_topic: Identifier
    dead_letter_partition: Count
    dead_letter_offset: Count
    dead_letter_first_seen: datetime
    dead_letter_attempts: Annotated[int, Meta(ge=1)]
    dead_letter_payload: Literal["raw", "omitted"]


_DEAD_LETTER_PREFIX = "dead-letter-"

SCHEMAS: dict[str, type[msgspec.Struct]] = {
    "feedback": FeedbackInput,
    "sentiment": ScoredFeedback,
    "alert": Alert,
    "dead-letter": DeadLetterHeaders,
    "label": LateLabel,
}

_encoder = msgspec.json.Encoder()
_feedback = msgspec.json.Decoder(FeedbackInput)
_scored = msgspec.json.Decoder(ScoredFeedback)
_alert = msgspec.json.Decoder(Alert)
_label = msgspec.json.Decoder(LateLabel)


def encode(event: msgspec.Struct) -> bytes:
    """UTF-8 JSON of any type of this module."""
    return _encoder.encode(event)


def decode_feedback_input(value: bytes | None) -> FeedbackInput:
    """A feedback record as its producer wrote it.

    Raises:
        PoisonRecord: with a reason code and the JSON path; the message never holds the text.
    """
    if value is not None and len(value) > MAX_RECORD_BYTES:
        raise PoisonRecord(PoisonReason.RECORD_TOO_LARGE, f"{len(value)} bytes, at most {MAX_RECORD_BYTES} are allowed")
    raw = decode_json(_feedback, value, newest_version=SCHEMA_VERSION)
    if not raw.text.strip():
        raise PoisonRecord(PoisonReason.TEXT_EMPTY, "the text is empty", path="$.text")
    check_bounds(raw.metadata or {}, max_depth=MAX_METADATA_DEPTH, max_items=MAX_METADATA_ITEMS, path="$.metadata")
    return raw


def decode_feedback(value: bytes | None, *, position: SourcePosition, timestamp_ms: int) -> FeedbackEvent:
    """The event of one feedback record; `timestamp_ms` is the record's own (Unix milliseconds; -1 for none).

    Raises PoisonRecord like `decode_feedback_input`.
    """
    raw = decode_feedback_input(value)
    return FeedbackEvent(
        id=raw.id or position.key(),
        text=raw.text,
        created_at=raw.created_at or from_timestamp(timestamp_ms),
        product=raw.product or "unknown",
        source=raw.source or "unknown",
        author_id=raw.author_id,
        language=raw.language,
        rating=raw.rating,
        metadata=raw.metadata or {},
        schema_version=raw.schema_version,
    )


def decode_scored(value: bytes | None) -> ScoredFeedback:
    """A result. Raises PoisonRecord like `decode_feedback_input`."""
    return decode_json(_scored, value, newest_version=SCHEMA_VERSION)


def decode_alert(value: bytes | None) -> Alert:
    """An alert. Raises PoisonRecord like `decode_feedback_input`."""
    return decode_json(_alert, value, newest_version=SCHEMA_VERSION)


def decode_label(value: bytes | None) -> LateLabel:
    """A late label. Raises PoisonRecord like `decode_feedback_input`, and if it names no event."""
    label = decode_json(_label, value, newest_version=SCHEMA_VERSION)
    if label.event_id is None and label.position is None:
        raise PoisonRecord(PoisonReason.SCHEMA, "neither event_id nor position names the event")
    return label


def decode_dead_letter_headers(headers: Iterable[tuple[str, bytes | None]]) -> DeadLetterHeaders:
    """What the headers of a dead letter say, whatever else is among them.

    Raises:
        PoisonRecord: they are not those of a dead letter.
    """
    own = {name: value for name, value in headers if name.startswith(_DEAD_LETTER_PREFIX)}
    try:
        texts = {name: (value or b"").decode() for name, value in own.items()}
        return msgspec.convert(texts, DeadLetterHeaders, strict=False)
    except (UnicodeDecodeError, msgspec.ValidationError):
        raise PoisonRecord(PoisonReason.SCHEMA, "its headers are not those of a dead letter") from None


def json_schema(name: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of one contract. Raises KeyError for a name that is not in `SCHEMAS`."""
    schema = msgspec.json.schema(SCHEMAS[name])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
