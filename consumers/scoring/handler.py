"""The scoring worker's handler: decode → score → write results, with dead letters for what cannot be scored."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from consumers.cluster.records import OutgoingRecord, Record, RecordBatch, TopicPartition, WorkResult, fault_fields
from consumers.runtime.handler import BaseHandler, Committed
from consumers.runtime.metrics import Metrics
from consumers.scoring.breaker import Breaker
from consumers.scoring.dead_letters import Parking
from consumers.scoring.results import AnsweredEvent, ResultWriter
from consumers.scoring.serving import ServingModel
from sentiment.errors import PoisonReason, PoisonRecord
from sentiment.events import FeedbackEvent, SourcePosition, decode_feedback
from sentiment.mail import TextKind, read_as
from sentiment.model.classifier import BatchInfo
from sentiment.privacy import redact_json_all
from sentiment.scoring import score_texts

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one record: a result with `label`, or a dead letter with `reason`."""

    partition: TopicPartition
    offset: int
    label: str | None = None
    reason: str | None = None
    redactions: Mapping[str, int] = field(default_factory=dict)


class ScoringHandler(BaseHandler):
    """Scores batches. It keeps only the breaker, and outcomes that are counted when they are committed."""

    def __init__(
        self,
        serving: ServingModel,
        writer: ResultWriter,
        parking: Parking,
        breaker: Breaker,
        metrics: Metrics,
        kind: TextKind = "text",
    ) -> None:
        self._serving = serving
        self._writer = writer
        self._parking = parking
        self._breaker = breaker
        self._metrics = metrics
        self._kind = kind
        self._uncommitted: list[_Outcome] = []
        """In the order in which the records were handled."""

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        """One result or one dead letter for every record but tombstones, in the order of each partition.

        Raises:
            TooManyPoisonRecords: the breaker opened.
            FatalError: the model gave fewer or more answers than it got texts.
        """
        records = [record for record in batch if not record.is_tombstone]
        decoded = self._decode(records)
        answered = iter(self._score([each for each in decoded if isinstance(each, FeedbackEvent)]))
        started = time.perf_counter()
        outputs: dict[TopicPartition, list[OutgoingRecord]] = {partition: [] for partition in batch.partitions}
        for record, each in zip(records, decoded, strict=True):
            output, outcome = self._settle(record, next(answered) if isinstance(each, FeedbackEvent) else each, now)
            outputs[outcome.partition].append(output)
            self._uncommitted.append(outcome)
        self._observe("encode", time.perf_counter() - started)
        return WorkResult(outputs)

    def park(self, record: Record, now: datetime) -> WorkResult:
        """A dead letter, without a look at the record."""
        poison = PoisonRecord(PoisonReason.CRASHED, "handling it has ended the process, also alone")
        dead_letter, outcome = self._settle(record, poison, now)
        self._uncommitted.append(outcome)
        return WorkResult({outcome.partition: [dead_letter]})

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Drop outcomes that will not be committed here."""
        self._uncommitted = [outcome for outcome in self._uncommitted if outcome.partition not in partitions]

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Like `on_revoked`. The same records may come again, so the breaker starts again too."""
        self.on_revoked(partitions)
        self._breaker.reset()

    def on_committed(self, committed: Committed) -> None:
        """Count the outcomes before the committed offsets."""
        done: list[_Outcome] = []
        waiting: list[_Outcome] = []
        for outcome in self._uncommitted:
            is_committed = outcome.offset < committed.offsets.get(outcome.partition, 0)
            (done if is_committed else waiting).append(outcome)
        self._uncommitted = waiting
        self._count(done)

    def _decode(self, records: Sequence[Record]) -> list[FeedbackEvent | PoisonRecord]:
        """The event of each record, or the reason why it has none, in the same order."""
        started = time.perf_counter()
        decoded: list[FeedbackEvent | PoisonRecord] = []
        for record in records:
            position = SourcePosition(topic=record.topic, partition=record.partition, offset=record.offset)
            try:
                decoded.append(decode_feedback(record.content(), position=position, timestamp_ms=record.timestamp_ms))
                self._breaker.note(None)
            except PoisonRecord as poison:
                decoded.append(poison)
                self._breaker.note(poison.reason)
        self._observe("decode", time.perf_counter() - started)
        return decoded

    def _score(self, events: Sequence[FeedbackEvent]) -> list[AnsweredEvent]:
        """Each event with its answer; text and metadata are redacted."""
        if not events:
            return []
        classifier = self._serving.classifier  # one model for the whole batch, even if another is promoted
        started = time.perf_counter()
        metadata = redact_json_all([event.metadata for event in events])
        metadata_s = time.perf_counter() - started
        answers, costs = score_texts(classifier, [read_as(self._kind, event.text) for event in events])
        self._observe("redact", metadata_s + costs.redact_s)
        self._observe("language", costs.language_s)
        self._observe_inference(costs.inference)
        return [
            AnsweredEvent(
                event,
                answer,
                metadata=safe if isinstance(safe, dict) else {},
                redactions=dict(Counter(answer.redactions) + Counter(found)) if found else answer.redactions,
            )
            for event, answer, (safe, found) in zip(events, answers, metadata, strict=True)
        ]

    def _settle(
        self, record: Record, found: AnsweredEvent | PoisonRecord, now: datetime
    ) -> tuple[OutgoingRecord, _Outcome]:
        partition = TopicPartition(record.topic, record.partition)
        if isinstance(found, AnsweredEvent):
            try:
                result, redactions = self._writer.write(record, found, now)
            except PoisonRecord as poison:
                found = poison
            else:
                return result, _Outcome(partition, record.offset, label=found.answer.label, redactions=redactions)
        _log.warning("record_parked", **fault_fields(record, found))
        dead_letter = self._parking.dead_letter(record, found, now)
        return dead_letter, _Outcome(partition, record.offset, reason=found.reason.value)

    def _count(self, outcomes: Sequence[_Outcome]) -> None:
        labels = Counter(outcome.label for outcome in outcomes if outcome.label is not None)
        reasons = Counter(outcome.reason for outcome in outcomes if outcome.reason is not None)
        redactions = sum((Counter(outcome.redactions) for outcome in outcomes), Counter[str]())
        self._metrics.counter("sentiment_events_total", outcome="scored").inc(labels.total())
        self._metrics.counter("sentiment_events_total", outcome="dead_letter").inc(reasons.total())
        for label, n in labels.items():
            self._metrics.counter("sentiment_labels_total", label=label).inc(n)
        for reason, n in reasons.items():
            self._metrics.counter("sentiment_dead_letters_total", reason=reason).inc(n)
        for kind, n in redactions.items():
            self._metrics.counter("sentiment_redactions_total", kind=kind).inc(n)

    def _observe_inference(self, info: BatchInfo) -> None:
        self._observe("tokenise", info.tokenise_s)
        self._observe("infer", info.infer_s)
        padding = info.padded_tokens - info.real_tokens
        self._metrics.counter("sentiment_tokens_total", kind="text").inc(info.real_tokens)
        self._metrics.counter("sentiment_tokens_total", kind="padding").inc(padding)
        if info.layers:
            self._metrics.counter("sentiment_layers_total", kind="computed").inc(info.layers)
            self._metrics.counter("sentiment_layers_total", kind="skipped").inc(info.layers_skipped)
        if info.padded_tokens:
            self._metrics.histogram("sentiment_batch_padded_ratio").observe(padding / info.padded_tokens)

    def _observe(self, stage: str, seconds: float) -> None:
        self._metrics.histogram("sentiment_stage_seconds", stage=stage).observe(seconds)
