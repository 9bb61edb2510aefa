"""Tail shows records as they come, without groups, uncommitted records or personal data."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from queue import Queue
from uuid import uuid4

import msgspec
import pytest
from kafka.admin import KafkaAdminClient

from consumers.cluster.clients import make_producer
from consumers.cluster.follow import follow
from consumers.cluster.records import Record
from consumers.cluster.topics import ensure_topics
from consumers.scoring.dead_letters import Parking
from sentiment.cli.tail_lines import line_renderer
from sentiment.errors import ConfigurationError, PoisonReason, PoisonRecord
from sentiment.events import Alert, ModelRef, Probabilities, Rate, ScoredFeedback, SourcePosition, encode
from sentiment.settings import TopicSettings
from tests.brokers import Broker
from tests.consumers.ingest.support import settings_for
from tests.waiting import WITHIN_S, wait_until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPICS = TopicSettings()


def record(topic: str, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> Record:
    """A record of this topic."""
    return Record(topic, 2, 7, int(NOW.timestamp() * 1000), b"key", value, headers)


def scored(text: str) -> ScoredFeedback:
    """A result with this text."""
    return ScoredFeedback(
        event_id="e",
        position=SourcePosition(topic="feedback", partition=0, offset=1),
        label="negative",
        probabilities=Probabilities(negative=0.8, neutral=0.1, positive=0.1),
        score=-0.7,
        text=text,
        product="tv",
        source="web",
        author=None,
        rating=None,
        metadata={},
        created_at=NOW,
        scored_at=NOW,
        model=ModelRef(name="m", version="1"),
        language="en",
        unsupported_language=False,
        n_chunks=1,
        truncated=False,
        redactions={},
    )


def show(topic: str, found: Record, *, as_json: bool = False, raw: bool = False) -> str:
    """One line."""
    return line_renderer(TOPICS, topic, as_json=as_json, raw=raw)(found)


def test_a_result_is_one_line_with_label_score_product_and_text() -> None:
    """Line breaks and control characters in the text do not reach the terminal."""
    line = show("sentiment", record("sentiment", encode(scored("bad\n\x1b[2Jnews"))))
    assert "\n" not in line
    assert "\x1b[2J" not in line
    for part in ("2026-03-01 12:00:00", "negative", "-0.70", "tv", "bad", "news"):
        assert part in line
    assert (
        msgspec.json.decode(show("sentiment", record("sentiment", encode(scored("x"))), as_json=True))["score"] == -0.7
    )


def test_json_lines_hold_the_text_and_no_control_characters() -> None:
    """A JSON reader gets the exact text. A terminal or a line splitter finds nothing to act on."""
    text = "a\x9b2Jb\u2028c\u202ed"
    line = show("sentiment", record("sentiment", encode(scored(text))), as_json=True)
    assert msgspec.json.decode(line)["text"] == text
    assert line.isprintable()


def test_an_alert_shows_state_severity_and_message() -> None:
    """Firing, resolved and silenced look different."""
    alert = Alert(
        alert_id="a",
        episode_id="e",
        status="firing",
        segment="tv",
        severity="critical",
        window_start=NOW,
        window_end=NOW,
        n=100,
        negatives=60,
        observed=Rate(value=0.6, low=0.5, high=0.7),
        expected=0.2,
        probability_of_chance=1e-9,
        drivers=[],
        exemplars=[],
        model=None,
        started_at=NOW,
        created_at=NOW,
        message="60 % negative",
    )
    line = show("sentiment.alerts", record("sentiment.alerts", encode(alert)))
    for part in ("FIRING", "critical", "tv", "60 % negative"):
        assert part in line
    silenced = msgspec.structs.replace(alert, silenced="an upgrade")
    line = show("sentiment.alerts", record("sentiment.alerts", encode(silenced)))
    assert "SILENCED" in line
    assert "FIRING" not in line


@pytest.mark.parametrize("as_json", [False, True])
def test_personal_data_is_shown_only_where_it_is_asked_for(as_json: bool) -> None:
    """Feedback is redacted. A dead letter's value, key and foreign headers are hidden. `--raw` shows everything."""
    secret = "jo@example.com"
    value = msgspec.json.encode({"text": f"mail {secret}", "id": "1", "metadata": {"contact": secret}})
    feedback = record("feedback", value)
    assert secret not in show("feedback", feedback, as_json=as_json)
    assert secret in show("feedback", feedback, as_json=as_json, raw=True)
    source = record("feedback", secret.encode(), headers=(("from", secret.encode()),))
    parking = Parking("sentiment.dead-letter", "raw", 1_000_000)
    parked = parking.dead_letter(source, PoisonRecord(PoisonReason.NOT_JSON, "not a JSON object"), NOW)
    letter = record("sentiment.dead-letter", parked.value, parked.headers)
    line = show("sentiment.dead-letter", letter, as_json=as_json)
    assert secret not in line
    assert "not_json" in line
    assert secret in show("sentiment.dead-letter", letter, as_json=as_json, raw=True)
    assert secret not in show("another", record("another", value), as_json=as_json)


@pytest.mark.parametrize("topic", ["sentiment", "sentiment.alerts", "feedback", "sentiment.dead-letter", "another"])
@pytest.mark.parametrize("value", [b"\xff\x00junk", b"[]", b"", None])
@pytest.mark.parametrize("as_json", [False, True])
def test_anything_at_all_is_one_line(topic: str, value: bytes | None, as_json: bool) -> None:
    """A record that breaks the topic's contract neither ends the tail nor breaks its lines."""
    for raw in (False, True):
        line = show(topic, record(topic, value), as_json=as_json, raw=raw)
        assert len(line.splitlines()) == 1
        if as_json:
            assert isinstance(msgspec.json.decode(line), dict)


def _collect(records: Iterator[Record], n: int, into: Queue[list[bytes | None]]) -> None:
    into.put([each.value for each in islice(records, n)])


def test_committed_records_come_in_order_and_others_do_not(broker: Broker) -> None:
    """From the beginning, tail shows what was committed but not what was aborted, and touches no group."""
    settings = settings_for(broker)
    topic = f"tail-{uuid4().hex[:10]}"
    ensure_topics(settings.model_copy(update={"topics": settings.topics.model_copy(update={"partitions": 1})}), [topic])
    with closing(make_producer(settings, transactional_id=topic)) as producer:
        producer.init_transactions()
        for number, commit in enumerate([True, False, True]):
            producer.begin_transaction()
            producer.send(topic, b"%d" % number).get(timeout=WITHIN_S)
            if commit:
                producer.commit_transaction()
            else:
                producer.abort_transaction()
    records = follow(settings, topic, from_beginning=True)
    assert [each.value for each in islice(records, 2)] == [b"0", b"2"]
    records.close()
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        assert not [group for group in admin.list_groups() if topic in str(group)]


def test_without_from_beginning_only_what_is_new_comes(dev_broker: Broker) -> None:
    """What was there before the tail started is left out."""
    settings = settings_for(dev_broker)
    topic = f"tail-{uuid4().hex[:10]}"
    ensure_topics(settings, [topic])
    with closing(make_producer(settings)) as producer:
        producer.send(topic, b"old").get(timeout=WITHIN_S)
        collected: Queue[list[bytes | None]] = Queue()
        records = follow(settings, topic, from_beginning=False)
        thread = threading.Thread(target=_collect, args=(records, 1, collected), daemon=True)
        thread.start()

        def arrived() -> bool:
            producer.send(topic, b"new").get(timeout=WITHIN_S)
            return not collected.empty()

        # The tail says nothing when it is ready, so new records are sent until one arrives.
        wait_until(arrived, "a new record")
    assert collected.get(timeout=WITHIN_S) == [b"new"]


def test_a_topic_that_does_not_exist_is_said(dev_broker: Broker) -> None:
    """A topic that is not one of the project's is not created."""
    with pytest.raises(ConfigurationError, match="no such topic"):
        next(follow(settings_for(dev_broker), "absent", from_beginning=True))
