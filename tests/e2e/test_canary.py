"""Personal data that goes in does not come out anywhere but on the dead-letter topic."""

from __future__ import annotations

import time
import urllib.request
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer

from sentiment.privacy import redact
from tests.brokers import DevBroker, free_port
from tests.consumers.kafka_io import read_committed
from tests.e2e.pipeline import Pipeline, pipeline
from tests.e2e.webhook import webhook
from tests.waiting import WITHIN_S

# One valid value of every kind, and what of it must never be seen again.
CANARIES = {
    "email": ("canary.bird@example.com", "canary.bird"),
    "phone": ("+44 7400 123456", "7400 123456"),
    "card": ("4111 1111 1111 1111", "4111 1111"),
    "iban": ("GB82 WEST 1234 5698 7654 32", "5698 7654"),
    "id": ("536-90-4399", "536-90-4399"),
    "ip": ("203.0.113.77", "203.0.113.77"),
    "url": ("https://canary:hunter2wing@example.com/cage", "hunter2wing"),
    "handle": ("@canary_tweets", "canary_tweets"),
}
SECRETS = [part.encode() for _, part in CANARIES.values()]
NORMAL = 60
ANGRY = 30
MINUTE_MS = 60_000


def feedback(text: str, row: int, created_ms: int) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """A record with a canary in its text, id, author, metadata, key and headers."""
    canary = list(CANARIES.values())[row % len(CANARIES)][0]
    value = {
        "id": f"{canary} {row}",
        "text": f"{text} ({row}) {canary}",
        "created_at": datetime.fromtimestamp(created_ms / 1000, UTC),
        "product": "bird cage",
        "author_id": canary,
        "metadata": {"contact": canary, "nested": {"list": [canary]}, canary: "as a key"},
    }
    return msgspec.json.encode(value), canary.encode(), [("contact", canary.encode())]


def poison(row: int) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """A record that can never be scored, with canaries in all of its places."""
    canary = list(CANARIES.values())[row % len(CANARIES)][0]
    broken = [
        b'{"text": "' + canary.encode(),
        msgspec.json.encode({"text": "fine", "created_at": canary}),
        msgspec.json.encode({"text": {canary: canary}}),
        msgspec.json.encode({"text": "fine", "rating": canary}),
        b"\xff\xfe" + canary.encode(),
    ]
    return broken[row % len(broken)], canary.encode(), [("contact", canary.encode())]


def send_all(here: Pipeline) -> int:
    """An hour of calm, half an hour of anger, and some poison in between; the number of good records."""
    now_ms = int(time.time() * 1000)
    records = [
        feedback("The cage is lovely, thank you", row, now_ms - (90 * 60 - row * 60) * 1000) for row in range(NORMAL)
    ]
    records += [
        feedback("Terrible cage, the door broke and I am angry", NORMAL + row, now_ms - (ANGRY - row) * MINUTE_MS)
        for row in range(ANGRY)
    ]
    records += [poison(row) for row in range(2 * len(CANARIES))]
    with closing(KafkaProducer(bootstrap_servers=here.settings.kafka.bootstrap_servers)) as producer:
        for value, key, headers in records:
            producer.send(here.settings.topics.feedback, key=key, value=value, headers=headers)
        producer.flush()
    return NORMAL + ANGRY


def assert_clean(place: str, content: bytes) -> None:
    """No canary is in `content`; says which and where, by kind."""
    found = [kind for kind, secret in zip(CANARIES, SECRETS, strict=True) if secret in content]
    assert not found, f"in {place}: {', '.join(found)}"


def test_the_canaries_are_personal_data_of_their_kinds() -> None:
    """Each value is recognised as what it stands for, or the test below would prove nothing."""
    assert {kind: list(redact(f"contact {value}").counts) for kind, (value, _) in CANARIES.items()} == {
        kind: [kind] for kind in CANARIES
    }


@pytest.mark.slow
def test_no_canary_leaves_the_pipeline(dev_broker: DevBroker, tmp_path: Path) -> None:
    """Logs at debug level, metrics, results, alerts, alert state and webhook bodies hold none of the values."""
    port = free_port()
    with webhook() as received, pipeline(dev_broker.bootstrap, tmp_path / "run") as here:
        good = send_all(here)
        worker = here.command("worker", "--log-level=debug", f"--metrics-port={port}").start()
        alerts = here.command("alerts", "run", "--log-level=debug", "--until-idle=5")
        notify = here.command(
            "notify", "--log-level=debug", "--until-idle=1", SENTIMENT_NOTIFY__WEBHOOK_URL=received.url
        )
        here.until(lambda: len(here.tally.results) >= good and here.tally.missing == 0, "all results")
        assert here.tally.dead_letters.total() == 2 * len(CANARIES)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=WITHIN_S) as answer:
            metrics = answer.read()
        assert b"sentiment_redactions_total" in metrics
        assert worker.stop() == 0
        assert alerts.start().wait() == 0, here.last_words()
        here.until(here.observer.at_end, "the end")
        assert [alert.status for alert in here.alerts] == ["firing"]
        assert here.alerts[0].exemplars
        assert notify.start().wait() == 0, here.last_words()
        assert len(received.requests) == 1

        assert_clean("metrics", metrics)
        assert_clean("webhook", received.everything)
        for command in here.commands:
            assert_clean(f"the log of {command.arguments[0]}", command.log.read_bytes())
            assert_clean(f"the output of {command.arguments[0]}", command.output.read_bytes())
        topics = here.settings.topics
        for topic in (topics.sentiment, topics.alerts, topics.alert_state):
            for record in read_committed(dev_broker.bootstrap, topic):
                assert_clean(topic, b"\n".join([record.key or b"", record.value or b"", repr(record.headers).encode()]))
        for record in read_committed(dev_broker.bootstrap, topics.dead_letter):
            own = [value for name, value in record.headers if name.startswith("dead-letter-")]
            assert_clean("what is said about dead letters", b"\n".join(own))
