"""The scoring handler: one answer for every record, in order, with nothing personal in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.cluster.records import OutgoingRecord, Record, RecordBatch, TopicPartition
from consumers.runtime.handler import Committed
from consumers.runtime.metrics import Metrics
from consumers.scoring.breaker import Breaker
from consumers.scoring.dead_letters import Parking
from consumers.scoring.handler import ScoringHandler
from consumers.scoring.results import ResultWriter
from consumers.scoring.serving import ServingModel
from sentiment.errors import FatalError, PoisonReason, TooManyPoisonRecords
from sentiment.events import ModelRef, ScoredFeedback, decode_scored
from sentiment.mail import TextKind
from sentiment.model.classifier import BatchInfo, Classifier, Prediction
from tests.fakes import LexiconClassifier, names_searched

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = TopicPartition("feedback", 0), TopicPartition("feedback", 1)
KEY = b"0123456789abcdef"
LIMIT = 1_000_000


def feedback(partition: TopicPartition, offset: int, value: bytes | dict[str, Any] | None, **more: Any) -> Record:
    encoded = json.dumps(value).encode() if isinstance(value, dict) else value
    more = {"key": None, **more}
    return Record(partition.topic, partition.partition, offset, 1_750_000_000_000, value=encoded, **more)


def batch_of(*records: Record) -> RecordBatch:
    shares: dict[TopicPartition, tuple[Record, ...]] = {}
    for record in records:
        partition = TopicPartition(record.topic, record.partition)
        shares[partition] = (*shares.get(partition, ()), record)
    return RecordBatch(shares)


def scorer(
    classifier: Classifier | None = None,
    *,
    payload: Any = "raw",
    metrics: Metrics | None = None,
    limit_bytes: int = LIMIT,
    breaker: Breaker | None = None,
    publish_text: bool = True,
    kind: TextKind = "text",
) -> ScoringHandler:
    classifier = classifier or LexiconClassifier()
    metrics = metrics or Metrics()
    return ScoringHandler(
        ServingModel(classifier, metrics),
        ResultWriter("sentiment", KEY, publish_text, limit_bytes),
        Parking("dead", payload, limit_bytes),
        breaker or Breaker(200, 0.5),
        metrics,
        kind,
    )


def outputs(handler: ScoringHandler, *records: Record) -> list[OutgoingRecord]:
    result = handler.handle(batch_of(*records), NOW)
    return [record for share in result.outputs.values() for record in share]


def scored(record: OutgoingRecord) -> ScoredFeedback:
    assert record.topic == "sentiment"
    return decode_scored(record.value)


def headers(record: OutgoingRecord) -> dict[str, bytes]:
    return dict(record.headers)


def test_every_record_has_one_answer_in_the_order_of_its_partition() -> None:
    """There are as many results and dead letters as records, and each partition keeps its order."""
    result = scorer().handle(
        batch_of(
            feedback(A, 0, {"text": "great"}),
            feedback(A, 1, b"\xff\xfe"),
            feedback(B, 9, {"text": "awful"}),
            feedback(A, 2, {"text": "so so"}),
        ),
        NOW,
    )
    assert [record.topic for record in result.outputs[A]] == ["sentiment", "dead", "sentiment"]
    assert [scored(record).label for record in (result.outputs[A][0], result.outputs[A][2])] == ["positive", "neutral"]
    assert [scored(record).position.offset for record in result.outputs[B]] == [9]


def test_a_result_says_everything_that_the_contract_asks_for() -> None:
    """Label, probabilities, position, model and the event's own fields arrive; the key is the segment."""
    event = {
        "id": "r-17", "text": "great app", "product": "Mail", "source": "store", "rating": 5,
        "author_id": "someone", "created_at": "2026-02-03T04:05:06Z", "metadata": {"version": "2.1"},
    }  # fmt: skip
    (record,) = outputs(scorer(), feedback(A, 5, event))
    result = scored(record)
    assert record.key == b"Mail"
    assert (result.event_id, result.product, result.source, result.rating) == ("r-17", "Mail", "store", 5)
    assert result.label == "positive"
    assert result.score == pytest.approx(result.probabilities.positive - result.probabilities.negative)
    assert result.identity() == "feedback/0/5@1"
    assert result.created_at == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert result.metadata == {"version": "2.1"}
    assert result.author is not None
    assert "someone" not in result.author


def test_the_same_input_gives_the_same_result_again() -> None:
    """A replay after a crash writes the same bytes, except for the time of scoring."""
    record = feedback(A, 5, {"text": "great", "author_id": "someone"}, key=b"k", headers=(("trace", b"1"),))
    assert outputs(scorer(), record) == outputs(scorer(), record)


PERSONAL = "jane.roe@example.com"


def test_nothing_personal_leaves_with_a_result() -> None:
    """An address in text, id, product, author, key, headers and metadata is in none of the result's bytes."""
    event = {
        "id": PERSONAL, "text": f"great, write to {PERSONAL}", "product": PERSONAL, "source": PERSONAL,
        "author_id": PERSONAL, "language": PERSONAL[:35], "metadata": {"mail": PERSONAL, PERSONAL: [{"a": PERSONAL}]},
    }  # fmt: skip
    classifier = LexiconClassifier()
    record = feedback(
        A, 1, event, key=PERSONAL.encode(), headers=(("from", PERSONAL.encode()), (PERSONAL, b"1"), ("trace", b"7"))
    )
    (out,) = outputs(scorer(classifier), record)
    assert PERSONAL not in repr(out)
    assert PERSONAL not in repr(classifier.seen)
    assert headers(out)["trace"] == b"7"
    assert scored(out).text == "great, write to [EMAIL]"
    assert scored(out).redactions["email"] >= 3


def test_identifiers_that_are_not_personal_pass_unchanged() -> None:
    """Keys and headers arrive unchanged, even if they are not text; the key becomes a header."""
    record = feedback(A, 1, {"text": "great"}, key=b"\x00\xff\x01", headers=(("trace", b"\x80\x81"), ("n", b"")))
    (out,) = outputs(scorer(), record)
    assert out.headers == (("trace", b"\x80\x81"), ("n", b""), ("source-key", b"\x00\xff\x01"))


def test_the_text_can_be_left_out() -> None:
    """Without publishing texts a result has none."""
    (out,) = outputs(scorer(publish_text=False), feedback(A, 1, {"text": "great"}))
    assert scored(out).text is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff\x00", PoisonReason.NOT_UTF8),
        (b"{", PoisonReason.NOT_JSON),
        (b'{"texts": 1}', PoisonReason.SCHEMA),
        (b'{"text": " "}', PoisonReason.TEXT_EMPTY),
        (b'{"text": "x", "schema_version": 9}', PoisonReason.SCHEMA_VERSION),
        (b'{"text": "x", "created_at": "1812-01-01T00:00:00Z"}', PoisonReason.TIMESTAMP_OUT_OF_RANGE),
        (b'{"text": "' + b"x" * 40_000 + b'"}', PoisonReason.TEXT_TOO_LONG),
    ],
)
def test_poison_is_parked_whole_with_its_reason(value: bytes | None, reason: PoisonReason) -> None:
    """Value, key and headers of a dead letter are the original bytes; reason and position are in headers."""
    (out,) = outputs(scorer(), feedback(A, 3, value, key=b"k", headers=(("trace", b"\x80"),)))
    found = headers(out)
    assert (out.topic, out.value, out.key) == ("dead", value, b"k")
    assert found["dead-letter-reason"] == reason.value.encode()
    assert (found["dead-letter-topic"], found["dead-letter-partition"], found["dead-letter-offset"]) == (
        b"feedback", b"0", b"3",
    )  # fmt: skip
    assert found["source-trace"] == b"\x80"
    assert found["dead-letter-attempts"] == b"1"
    assert found["dead-letter-payload"] == b"raw"


@pytest.mark.parametrize(
    ("payload", "value", "fault"),
    [
        ("omit", b"\xff junk of jane.roe@example.com", None),
        ("raw", b"\xff" * 5_000_000, None),
        ("raw", None, "offset 3 cannot be read"),
    ],
)
def test_a_dead_letter_without_payload_keeps_its_position(payload: str, value: bytes | None, fault: str | None) -> None:
    """By configuration, when too large to park, and when there is nothing to park: position and reason remain."""
    (out,) = outputs(scorer(payload=payload), feedback(A, 3, value, headers=(("secret", b"\xff"),), fault=fault))
    assert (out.value, out.key) == (None, b"feedback/0/3")
    assert headers(out)["dead-letter-payload"] == b"omitted"
    assert "source-secret" not in headers(out)
    assert headers(out)["dead-letter-reason"] in {b"not_utf8", b"record_too_large", b"unreadable"}


def test_tombstones_pass_silently(logged: Callable[[], list[dict[str, Any]]]) -> None:
    """They are neither results nor dead letters, and however many come, the breaker stays closed."""
    handler = scorer(breaker=Breaker(10, 0.5))
    assert outputs(handler, *(feedback(A, offset, None, key=b"k") for offset in range(50))) == []
    (out,) = outputs(handler, feedback(A, 50, {"text": "great"}), feedback(A, 51, None))
    assert scored(out).position.offset == 50
    assert logged() == []


def test_a_record_that_failed_before_says_so() -> None:
    """A dead letter that is replayed and fails again keeps the time of its first failure, and counts attempts."""
    again = (("dead-letter-first-seen", b"2026-01-01T00:00:00Z"), ("dead-letter-attempts", b"2"))
    (out,) = outputs(scorer(), feedback(A, 3, b"{", headers=again))
    assert headers(out)["dead-letter-attempts"] == b"3"
    assert headers(out)["dead-letter-first-seen"] == b"2026-01-01T00:00:00Z"
    nonsense = (("dead-letter-first-seen", b"\xff"), ("dead-letter-attempts", b"many"))
    (out,) = outputs(scorer(), feedback(A, 3, b"{", headers=nonsense))
    assert headers(out)["dead-letter-attempts"] == b"1"
    assert headers(out)["dead-letter-first-seen"].startswith(b"2026-03-01T12:00:00")


def test_a_result_too_large_for_kafka_is_parked_not_repeated_for_ever() -> None:
    """What could never be committed is a dead letter."""
    event = {"text": "great", "metadata": {"notes": "n" * 5_000}}
    (out,) = outputs(scorer(limit_bytes=4_000), feedback(A, 3, event))
    assert (out.topic, headers(out)["dead-letter-reason"]) == ("dead", b"record_too_large")


class _Answers(LexiconClassifier):
    """Gives what it is told to, whatever the texts."""

    answers: Sequence[Prediction] = ()

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        return list(self.answers), BatchInfo(0, 0, 0.0, 0.0)


def test_a_model_that_gives_no_distribution_costs_one_record_only() -> None:
    """Not-a-number from a model is a dead letter for that record."""
    classifier = _Answers()
    nan = float("nan")
    classifier.answers = [Prediction((nan, nan, nan), "negative", nan, n_chunks=1, truncated=False)]
    (out,) = outputs(scorer(classifier), feedback(A, 3, {"text": "great"}))
    assert headers(out)["dead-letter-reason"] == b"model_rejected"


def test_a_wrong_number_of_answers_stops_the_worker() -> None:
    """Answers are never matched to texts by guessing."""
    with pytest.raises(FatalError, match="0 answers to 1 texts"):
        outputs(scorer(_Answers()), feedback(A, 3, {"text": "great"}))


def test_the_breaker_opens_when_nearly_everything_is_poison() -> None:
    """Too much poison in a full window stops the handler; less, or a window that is not full, does not."""
    handler = scorer(breaker=Breaker(10, 0.5))
    half = [feedback(A, n, {"text": "great"} if n % 2 else b"{") for n in range(30)]
    assert len(outputs(handler, *half)) == 30
    with pytest.raises(TooManyPoisonRecords, match="of the last 10 records"):
        outputs(handler, *[feedback(A, n, b"{") for n in range(10)])
    handler.on_lost(frozenset({A}))
    assert len(outputs(handler, *[feedback(A, n, b"{") for n in range(9)])) == 9


def test_only_what_was_committed_is_counted() -> None:
    """Records are counted when they are committed; those of partitions that were revoked are never counted."""
    metrics = Metrics()
    handler = scorer(metrics=metrics)
    batch = batch_of(
        feedback(A, 0, {"text": "great, call me@example.com"}), feedback(A, 1, b"{"), feedback(B, 0, {"text": "awful"})
    )
    handler.handle(batch, NOW)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    assert value("sentiment_events_total", outcome="scored") is None
    handler.on_revoked(frozenset({B}))
    handler.on_committed(Committed((batch,), {A: 2}, 3, NOW))
    assert value("sentiment_events_total", outcome="scored") == 1
    assert value("sentiment_labels_total", label="positive") == 1
    assert value("sentiment_labels_total", label="negative") is None
    assert value("sentiment_dead_letters_total", reason="not_json") == 1
    assert value("sentiment_redactions_total", kind="email") == 1


NUMBERS = "0 1 2 3 4 5 6 7 8 9 " * 2_500


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(
            {"value": {"text": "great", "metadata": {f"k{n}": NUMBERS[:900] for n in range(1_000)}}}, id="metadata"
        ),
        pytest.param({"headers": tuple(("trace", NUMBERS.encode()) for _ in range(20))}, id="few large headers"),
        pytest.param({"headers": tuple((f"h{n}", b"%d" % n) for n in range(50_000))}, id="many small headers"),
        pytest.param({"key": NUMBERS.encode() * 20}, id="key"),
    ],
)
def test_a_record_that_costs_too_much_is_scored_and_says_what_was_not_checked(attack: dict[str, Any]) -> None:
    """What could not be checked is masked or left out, counted in the result and in the metric, and the same again."""
    metrics = Metrics()
    handler = scorer(metrics=metrics)
    record = feedback(A, 0, attack.pop("value", {"text": "great"}), **attack)
    (out,) = outputs(handler, record)
    assert scored(out).label == "positive"
    unchecked = scored(out).redactions["unchecked"]
    assert unchecked >= 1
    assert NUMBERS not in repr(out)
    assert outputs(handler, record) == [out]
    handler.on_committed(Committed((batch_of(record),), {A: 1}, 1, NOW))
    counted = metrics.registry.get_sample_value("sentiment_redactions_total", {"kind": "unchecked"})
    assert counted == 2 * unchecked


def test_usual_headers_pass_whatever_the_text_costs() -> None:
    """Text, metadata and identifiers have a share of the budget each: one cannot use up another's."""
    event = {"text": NUMBERS[:32_000], "product": "Mail", "metadata": {"version": "2.1"}}
    (out,) = outputs(scorer(), feedback(A, 0, event, headers=(("trace", b"7"),)))
    assert (scored(out).text, scored(out).redactions) == ("[UNCHECKED]", {"unchecked": 1})
    assert (scored(out).product, scored(out).metadata, headers(out)) == ("Mail", {"version": "2.1"}, {"trace": b"7"})


def test_every_stage_of_a_batch_is_timed_once() -> None:
    """One observation for each stage that the handler goes through; poison alone is decoded and parked, not scored."""
    metrics = Metrics()

    def observed() -> dict[str, float]:
        samples = [sample for family in metrics.registry.collect() for sample in family.samples]
        return {
            sample.labels["stage"]: sample.value for sample in samples if sample.name == "sentiment_stage_seconds_count"
        }

    handler = scorer(metrics=metrics)
    outputs(handler, feedback(A, 0, {"text": "great"}), feedback(A, 1, b"{"), feedback(B, 0, {"text": "awful"}))
    assert observed() == dict.fromkeys(("decode", "redact", "language", "tokenise", "infer", "encode"), 1)
    outputs(handler, feedback(A, 2, b"{"))
    assert {stage for stage, count in observed().items() if count == 2} == {"decode", "encode"}


def test_logs_of_parked_records_hold_no_text(logged: Callable[[], list[dict[str, Any]]]) -> None:
    """A log line names reason and position, nothing of the record."""
    outputs(scorer(), feedback(A, 3, b'{"text": 12, "secretword": 1}', key=b"secretword"))
    lines = logged()
    assert [line["event"] for line in lines] == ["record_parked"]
    assert "secretword" not in repr(lines)


class ExchangedMidway(LexiconClassifier):
    """While it answers, another model is promoted."""

    serving: ServingModel

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        self.serving.replace(LexiconClassifier(model=ModelRef(name="lexicon", version="2")))
        return super().predict(texts)


def test_a_batch_is_scored_by_one_model() -> None:
    """A model that is replaced during a batch finishes it: results carry the version that scored them."""
    classifier, metrics = ExchangedMidway(), Metrics()
    classifier.serving = ServingModel(classifier, metrics)
    handler = ScoringHandler(
        classifier.serving,
        ResultWriter("sentiment", KEY, True, LIMIT),
        Parking("dead", "raw", LIMIT),
        Breaker(200, 0.5),
        metrics,
    )
    first = outputs(handler, *(feedback(A, offset, {"text": "great"}) for offset in range(3)))
    second = outputs(handler, *(feedback(A, offset, {"text": "great"}) for offset in range(3, 6)))
    assert [scored(record).model.version for record in (*first, *second)] == ["1"] * 3 + ["2"] * 3


def test_names_leave_neither_in_the_text_nor_in_metadata() -> None:
    """Where the user wants them hidden: neither the model nor the result has them, and both places are counted."""
    classifier = LexiconClassifier()
    value = {"text": "great, says Jane Roe", "metadata": {"agent": "Kofi of team 7"}}
    with names_searched():
        handled = scorer(classifier).handle(batch_of(feedback(A, 0, value)), NOW)
    (result,) = (scored(out) for out in handled.outputs[A])
    assert (result.text, result.metadata) == ("great, says [PERSON]", {"agent": "[PERSON] of team 7"})
    assert result.redactions == {"person": 2}
    assert classifier.seen == ["great, says person"]


def test_of_mail_only_the_own_words_are_read_and_published() -> None:
    """Where the worker is told that texts are mail; otherwise all of it is text."""
    mail = {"text": "this is great\n\nOn Monday Kim wrote:\n> it was awful\n"}
    (own,) = outputs(scorer(kind="mail"), feedback(A, 0, mail))
    (whole,) = outputs(scorer(), feedback(A, 0, mail))
    assert (scored(own).text, scored(own).label) == ("this is great", "positive")
    assert scored(whole).text == mail["text"]
