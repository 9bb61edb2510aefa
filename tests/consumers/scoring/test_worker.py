"""The scoring worker as a whole, against both brokers."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from consumers.runtime.endpoint import PortUnavailableError
from consumers.runtime.shutdown import StopRequest
from consumers.scoring.worker import run_worker
from sentiment.errors import BrokerUnavailable, TooManyPoisonRecords
from sentiment.events import decode_scored
from sentiment.settings import Settings, load_settings
from tests.broker.batches import batch, with_odd_header
from tests.brokers import Broker, DevBroker, free_port
from tests.consumers.kafka_io import committed_offsets, new_topic, produce, read_committed
from tests.damage import flip_stored_byte, store
from tests.fakes import LexiconClassifier
from tests.processes import start
from tests.waiting import WITHIN_S, wait_until

LARGE = 5 * 1024 * 1024
GOOD = json.dumps({"text": "great"}).encode()


def settings_for(bootstrap: str, **worker: object) -> Settings:
    """Topics and group of their own; the feedback topic takes records of 8 MiB."""
    source = new_topic(bootstrap, "feedback", 2, {"max.message.bytes": str(8 * 1024 * 1024)})
    names = {"feedback": source, "sentiment": f"{source}.out", "dead_letter": f"{source}.dead", "partitions": 2}
    return load_settings(
        None,
        {
            "kafka": {"bootstrap_servers": bootstrap, "session_timeout_ms": 6_000, "transaction_timeout_ms": 10_000},
            "topics": names,
            "worker": {"group_id": source, **worker},
            "privacy": {"hash_key": "0123456789abcdef"},
        },
    )


def test_bad_input_is_parked_and_the_rest_is_scored(broker: Broker) -> None:
    """Junk, an empty text and a 5 MB record become one dead letter each, a tombstone none, and the worker goes on."""
    settings = settings_for(broker.bootstrap)
    records = [
        (b"a", GOOD), (b"a", b"\x00\xff junk"), (b"a", b'{"text": ""}'), (b"a", None),
        (b"a", b'{"text": "' + b"x" * LARGE + b'"}'), (b"a", GOOD), (b"b", GOOD),
    ]  # fmt: skip
    produce(broker.bootstrap, settings.topics.feedback, records, max_request_size=2 * LARGE)
    run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=0.2)
    results = read_committed(broker.bootstrap, settings.topics.sentiment)
    assert [decode_scored(record.value).label for record in results] == ["positive"] * 3
    parked = read_committed(broker.bootstrap, settings.topics.dead_letter)
    told = {dict(record.headers)["dead-letter-reason"]: record for record in parked}
    assert set(told) == {b"not_utf8", b"text_empty", b"record_too_large"}
    assert (told[b"not_utf8"].key, told[b"not_utf8"].value) == (b"a", b"\x00\xff junk")
    assert told[b"record_too_large"].value is None
    offsets = committed_offsets(broker.bootstrap, settings.topics.feedback, settings.topics.feedback)
    assert sum(offsets.values()) == len(records)


def test_records_that_the_client_cannot_decode_stop_nothing(broker: Broker) -> None:
    """Odd header names are passed on escaped; a damaged batch is parked by its position, once; the rest is scored."""
    settings = settings_for(broker.bootstrap)
    topics = settings.topics
    scored, parked = with_odd_header([GOOD, GOOD, GOOD], 1), with_odd_header([b"junk"], 0)
    damaged_batch = batch([f"{topics.feedback} damaged".encode(), GOOD])
    store(broker, topics.feedback, scored, parked, damaged_batch, batch([GOOD]))
    flip_stored_byte(broker, f"{topics.feedback} damaged".encode())
    for _ in range(2):  # the second run finds nothing left
        run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=1.0)
    results = read_committed(broker.bootstrap, topics.sentiment)
    assert [decode_scored(record.value).position.offset for record in results] == [0, 1, 2, 6]
    junk, damaged = (dict(record.headers) for record in read_committed(broker.bootstrap, topics.dead_letter))
    assert junk["dead-letter-reason"] == b"not_json"
    assert junk["source-\\xffname"] == b"content"
    assert damaged["dead-letter-reason"] == b"unreadable"
    assert damaged["dead-letter-payload"] == b"omitted"
    assert (damaged["dead-letter-topic"], damaged["dead-letter-offset"]) == (topics.feedback.encode(), b"5")
    assert damaged["dead-letter-message"].startswith(b"offsets 4 to 5 cannot be read")
    assert committed_offsets(broker.bootstrap, topics.feedback, topics.feedback)[0] == 7


def test_every_codec_of_kafka_is_read(broker: Broker) -> None:
    """Snappy is what most Java producers use; none of them needs anything but the base install."""
    settings = settings_for(broker.bootstrap)
    values = [json.dumps({"text": "great " * 40 + str(codec)}).encode() for codec in range(5)]
    for codec, value in enumerate(values):
        packed = batch([value], codec=codec)
        assert packed[22] & 7 == codec
        store(broker, settings.topics.feedback, packed)
    run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=1.0)
    results = [decode_scored(record.value) for record in read_committed(broker.bootstrap, settings.topics.sentiment)]
    assert [result.position.offset for result in results] == [0, 1, 2, 3, 4]


def test_records_without_a_timestamp_are_scored(broker: Broker) -> None:
    """Their `created_at` is the time of scoring, and the result says so; a time of the event's own still counts."""
    settings = settings_for(broker.bootstrap)
    dated = json.dumps({"text": "great", "created_at": "2026-03-01T00:00:00Z"}).encode()
    store(broker, settings.topics.feedback, batch([GOOD, dated], timestamp_ms=-1), batch([GOOD]))
    run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=1.0)
    results = [decode_scored(record.value) for record in read_committed(broker.bootstrap, settings.topics.sentiment)]
    assert [(result.undated, result.created_at == result.scored_at) for result in results] == [
        (True, True), (False, False), (False, False),
    ]  # fmt: skip
    assert read_committed(broker.bootstrap, settings.topics.dead_letter) == []


def test_headers_without_a_value_stay_without_one(broker: Broker) -> None:
    """In results and in dead letters. An empty value stays empty."""
    settings = settings_for(broker.bootstrap)
    topics = settings.topics
    given = [("null", None), ("empty", b""), ("full", b"1")]
    store(broker, topics.feedback, batch([GOOD, b"junk"], headers=[given, given]))
    run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=1.0)
    (result,) = read_committed(broker.bootstrap, topics.sentiment)
    (parked,) = read_committed(broker.bootstrap, topics.dead_letter)
    assert result.headers == given
    assert [header for header in parked.headers if header[0].startswith("source-")] == [
        (f"source-{name}", value) for name, value in given
    ]


def test_a_record_of_very_many_headers_is_parked(broker: Broker) -> None:
    """Headers without name and content take room as well: such a record is parked without them."""
    settings = settings_for(broker.bootstrap)
    topics = settings.topics
    store(broker, topics.feedback, batch([b"junk"], headers=[[("", b"")] * 125_000]))
    run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=1.0)
    (parked,) = read_committed(broker.bootstrap, topics.dead_letter)
    assert dict(parked.headers)["dead-letter-payload"] == b"omitted"


def test_too_much_poison_stops_the_worker_with_its_offsets_untouched(broker: Broker) -> None:
    """When nearly everything is poison the worker stops, and nothing of that batch is committed."""
    settings = settings_for(broker.bootstrap, breaker_window=20)
    produce(broker.bootstrap, settings.topics.feedback, [(b"a", b"junk")] * 60)
    with pytest.raises(TooManyPoisonRecords):
        run_worker(settings, LexiconClassifier, StopRequest(), until_idle_s=0.2)
    assert not any(committed_offsets(broker.bootstrap, settings.topics.feedback, settings.topics.feedback).values())
    assert read_committed(broker.bootstrap, settings.topics.dead_letter) == []


def test_what_is_wrong_with_the_call_is_said_before_the_model_is_loaded(dev_broker: DevBroker) -> None:
    """No broker and a port in use are found without waiting for a model."""

    def never() -> LexiconClassifier:
        raise AssertionError

    nowhere = load_settings(None, {"kafka": {"bootstrap_servers": f"127.0.0.1:{free_port()}"}})
    with pytest.raises(BrokerUnavailable, match="TCP connection failed"):
        run_worker(nowhere, never, StopRequest())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        metrics = {"kafka": {"bootstrap_servers": dev_broker.bootstrap}, "metrics": {"port": port}}
        with pytest.raises(PortUnavailableError):
            run_worker(load_settings(None, metrics), never, StopRequest())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_drains_and_the_exit_code_says_which(
    dev_broker: DevBroker, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """A terminated worker that drained is done (0), an interrupted one interrupted (130); all it did is committed."""
    settings = settings_for(dev_broker.bootstrap)
    topics = settings.topics
    produce(dev_broker.bootstrap, topics.feedback, [(b"k%d" % n, GOOD) for n in range(300)])
    config = tmp_path / "worker.toml"
    config.write_text(
        f'[kafka]\nbootstrap_servers = "{dev_broker.bootstrap}"\n'
        f'[topics]\nfeedback = "{topics.feedback}"\nsentiment = "{topics.sentiment}"\n'
        f'dead_letter = "{topics.dead_letter}"\n'
        f'[worker]\ngroup_id = "{topics.feedback}"\nmax_poll_records = 20\ncommit_interval_ms = 50\n'
        '[privacy]\nhash_key = "0123456789abcdef"\n'
    )
    command = [sys.executable, "-m", "tests.consumers.scoring.worker_process", str(config), "3600", "0.02"]
    with start(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(
                lambda: committed_offsets(dev_broker.bootstrap, topics.feedback, topics.feedback), "a first commit"
            )
            process.send_signal(number)
            assert process.wait(WITHIN_S) == code
        finally:
            process.kill()
    done = sum(committed_offsets(dev_broker.bootstrap, topics.feedback, topics.feedback).values())
    assert len(read_committed(dev_broker.bootstrap, topics.sentiment)) == done > 0
