"""The scoring worker's handler: decode → redact → predict → results, with dead letters for what cannot be scored."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from consumers.cluster.records import OutgoingRecord, Record, RecordBatch, TopicPartition, WorkResult, fault_fields
from consumers.runtime.handler import BaseHandler, Committed
from consumers.runtime.metrics import Metrics
from consumers.scoring.breaker import Breaker
from consumers.scoring.dead_letters import Parking
from consumers.scoring.results import ResultWriter, SafeEvent
from consumers.scoring.serving import ServingModel
from sentiment.errors import FatalError, PoisonRecord
from sentiment.events import ModelRef, SourcePosition, decode_feedback
from sentiment.model.classifier import BatchInfo, Classifier, Prediction

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Tally:
    """What one partition's share of a batch came to; counted once it is committed."""

    labels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    redactions: Counter[str] = field(default_factory=Counter)


class ScoringHandler(BaseHandler):
    """Scores batches. Its only state is the breaker's, and counts that wait for their commit."""

    def __init__(
        self, serving: ServingModel, writer: ResultWriter, parking: Parking, breaker: Breaker, metrics: Metrics
    ) -> None:
        self._serving = serving
        self._writer = writer
        self._parking = parking
        self._breaker = breaker
        self._metrics = metrics
        self._tallies: dict[tuple[TopicPartition, int], _Tally] = {}
        """By partition and last offset of the share of a batch."""

    def handle(self, batch: RecordBatch, now: datetime) -> WorkResult:
        """One result or one dead letter for every record, in the order of each partition.

        Raises:
            TooManyPoisonRecords: the breaker opened.
            FatalError: the model gave fewer or more answers than it got texts.
        """
        events = self._decode_and_redact(batch)
        safe = [event for event in events.values() if isinstance(event, SafeEvent)]
        classifier = self._serving.classifier  # the same for the whole batch, whatever is promoted meanwhile
        predictions = self._predict(safe, classifier)
        started = time.perf_counter()
        outputs: dict[TopicPartition, list[OutgoingRecord]] = {}
        for partition, records in batch.partitions.items():
            tally = self._tallies[partition, records[-1].offset] = _Tally()
            outputs[partition] = [
                self._finish(record, events[partition, record.offset], predictions, classifier.model, tally, now)
                for record in records
            ]
        self._observe("encode", time.perf_counter() - started)
        return WorkResult(outputs)

    def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Counts of work that will not be committed here are dropped."""
        for key in [key for key in self._tallies if key[0] in partitions]:
            del self._tallies[key]

    def on_lost(self, partitions: frozenset[TopicPartition]) -> None:
        """Like `on_revoked`; the same records may come again, so the breaker starts afresh too."""
        self.on_revoked(partitions)
        self._breaker.reset()

    def on_committed(self, committed: Committed) -> None:
        """Now it counts."""
        for batch in committed.batches:
            for partition, records in batch.partitions.items():
                tally = self._tallies.pop((partition, records[-1].offset), None)
                if tally is not None:
                    self._count(tally)

    def _decode_and_redact(self, batch: RecordBatch) -> dict[tuple[TopicPartition, int], SafeEvent | PoisonRecord]:
        started = time.perf_counter()
        redact_s = 0.0
        events: dict[tuple[TopicPartition, int], SafeEvent | PoisonRecord] = {}
        for partition, records in batch.partitions.items():
            for record in records:
                position = SourcePosition(topic=record.topic, partition=record.partition, offset=record.offset)
                try:
                    event = decode_feedback(record.value, position=position, timestamp_ms=record.timestamp_ms)
                except PoisonRecord as poison:
                    self._breaker.note(poison.reason)
                    events[partition, record.offset] = poison
                    continue
                self._breaker.note(None)
                before = time.perf_counter()
                events[partition, record.offset] = self._writer.make_safe(record, event)
                redact_s += time.perf_counter() - before
        self._observe("decode", time.perf_counter() - started - redact_s)
        self._observe("redact", redact_s)
        return events

    def _predict(self, safe: list[SafeEvent], classifier: Classifier) -> dict[tuple[TopicPartition, int], Prediction]:
        if not safe:
            return {}
        predictions, info = classifier.predict([each.text for each in safe])
        if len(predictions) != len(safe):
            raise FatalError(f"the model gave {len(predictions)} answers to {len(safe)} texts")
        self._observe_inference(info)
        return {
            (TopicPartition(each.record.topic, each.record.partition), each.record.offset): prediction
            for each, prediction in zip(safe, predictions, strict=True)
        }

    def _finish(
        self,
        record: Record,
        event: SafeEvent | PoisonRecord,
        predictions: dict[tuple[TopicPartition, int], Prediction],
        model: ModelRef,
        tally: _Tally,
        now: datetime,
    ) -> OutgoingRecord:
        if isinstance(event, PoisonRecord):
            return self._park(record, event, tally, now)
        prediction = predictions[TopicPartition(record.topic, record.partition), record.offset]
        try:
            result = self._writer.write(event, prediction, model, now)
        except PoisonRecord as poison:
            return self._park(record, poison, tally, now)
        tally.labels[prediction.label] += 1
        tally.redactions.update(event.redactions)
        return result

    def _park(self, record: Record, poison: PoisonRecord, tally: _Tally, now: datetime) -> OutgoingRecord:
        tally.reasons[poison.reason.value] += 1
        _log.warning("record_parked", **fault_fields(record, poison))
        return self._parking.dead_letter(record, poison, now)

    def _count(self, tally: _Tally) -> None:
        self._metrics.counter("sentiment_events_total", outcome="scored").inc(tally.labels.total())
        self._metrics.counter("sentiment_events_total", outcome="dead_letter").inc(tally.reasons.total())
        for label, n in tally.labels.items():
            self._metrics.counter("sentiment_labels_total", label=label).inc(n)
        for reason, n in tally.reasons.items():
            self._metrics.counter("sentiment_dead_letters_total", reason=reason).inc(n)
        for kind, n in tally.redactions.items():
            self._metrics.counter("sentiment_redactions_total", kind=kind).inc(n)

    def _observe_inference(self, info: BatchInfo) -> None:
        self._observe("tokenise", info.tokenise_s)
        self._observe("infer", info.infer_s)
        padding = info.padded_tokens - info.real_tokens
        self._metrics.counter("sentiment_tokens_total", kind="text").inc(info.real_tokens)
        self._metrics.counter("sentiment_tokens_total", kind="padding").inc(padding)
        if info.padded_tokens:
            self._metrics.histogram("sentiment_batch_padded_ratio").observe(padding / info.padded_tokens)

    def _observe(self, stage: str, seconds: float) -> None:
        self._metrics.histogram("sentiment_stage_seconds", stage=stage).observe(seconds)
