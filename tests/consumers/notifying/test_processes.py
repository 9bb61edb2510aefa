"""The alert worker and the notifier as processes that are killed, on both brokers."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from consumers.alerting.state import STREAM_KEY
from consumers.cluster.reader import read_to_end
from sentiment.events import ScoredFeedback, encode
from sentiment.spikes.buckets import Fate
from sentiment.spikes.message import make_alert
from sentiment.spikes.observations import observation
from sentiment.spikes.segment_state import decode_stream
from tests.brokers import Broker
from tests.consumers.kafka_io import committed_offsets, produce
from tests.consumers.notifying.receiver import receiver
from tests.consumers.notifying.test_handler import alert
from tests.consumers.results import a_day, scored
from tests.e2e.pipeline import Pipeline, pipeline
from tests.sentiment.spikes.observations import FEEDS, watch

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)


@pytest.mark.timeout(600)
def test_alert_workers_that_are_killed_tell_one_episode(broker: Broker, tmp_path: Path) -> None:
    """Killed before, in and after the incident, in the middle of its work, with partitions that move to a second
    worker and back: the alerts are those of a calm run.
    """
    start = (NOW - timedelta(days=1)).replace(second=0, microsecond=0)
    results = a_day(start=start)
    others = a_day(start=start, product="calm", incident=None)
    mixed = sorted([*results, *others], key=lambda each: each.created_at)
    records = [(each.product.encode(), encode(each)) for each in mixed]
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        worker = here.command("alerts", "run", SENTIMENT_WORKER__MAX_POLL_RECORDS="7").start()
        second = here.command("alerts", "run", SENTIMENT_WORKER__MAX_POLL_RECORDS="11")
        cuts = [0, 250, 500, 560, len(records)]
        for first, last in pairwise(cuts):
            before = _handled(here)
            produce(broker.bootstrap, here.settings.topics.sentiment, records[first:last])
            here.until(lambda done=before: _handled(here) > done, "progress of the alert worker")
            worker.kill()
            if second.process is None:
                second.start()
            worker.start()
        here.until(lambda: len(here.alerts) == 2, "both alerts")
        worker.kill()
        assert second.stop() == 0, here.last_words()
        finish = here.command("alerts", "run", "--until-idle", "4").start()
        assert finish.wait() == 0, here.last_words()
        here.until(here.observer.at_end, "the end")
        assert [each.alert_id for each in here.alerts] == _calm_run(results)


@pytest.mark.timeout(600)
def test_copies_of_an_event_count_once_also_after_a_restart(broker: Broker, tmp_path: Path) -> None:
    """Twenty-five results of one complaint, half of them after a restart: one is counted, and nobody is woken."""
    start = (NOW - timedelta(days=1)).replace(second=0, microsecond=0)
    calm = a_day(start=start, incident=None, minutes=800)
    copies = [
        scored(10_000 + number, calm[-1].created_at, "negative", event_id="one complaint", partition=number % 4)
        for number in range(25)
    ]
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        handled = 0
        for part in ([*calm, *copies[:12]], copies[12:]):
            records = [(each.product.encode(), encode(each)) for each in part]
            produce(broker.bootstrap, here.settings.topics.sentiment, records)
            handled += len(part)
            # It is stopped before the quiet lets the minute of the complaint pass.
            worker = here.command("alerts", "run").start()
            here.until(lambda goal=handled: _handled(here) >= goal, "progress of the alert worker")
            assert worker.stop() == 0, here.last_words()
        here.until(here.observer.at_end, "the end")
        assert _fates(here) == {Fate.COUNTED: len(calm) + 1, Fate.DUPLICATE: 24}
        assert here.alerts == []


def test_a_channel_with_a_notifier_of_its_own_waits_for_no_other(broker: Broker, tmp_path: Path) -> None:
    """A chat that is dead holds the shared progress; the pager, alone, has all alerts, also the later ones."""
    with receiver(*[503] * 1_000) as dead, receiver() as pager, pipeline(broker.bootstrap, tmp_path / "run") as here:
        file = tmp_path / "channels.toml"
        tables = {"chat": dead.url, "pager": pager.url}
        file.write_text("".join(f'[{name}]\nkind = "webhook"\nurl = "{url}"\n' for name, url in tables.items()))
        variables = {"SENTIMENT_NOTIFY__CHANNELS_FILE": str(file), "SENTIMENT_NOTIFY__CONSOLE": "false"}
        notifiers = [here.command("notify", "--channel", name, **variables).start() for name in tables]
        for number in range(3):
            produce(broker.bootstrap, here.settings.topics.alerts, [(b"app", encode(alert(number, end=NOW)))])
            here.until(lambda: dead.requests, "an attempt at the chat")
            here.until(lambda goal=number: len(pager.requests) > goal, "the pager")
        assert [json.loads(body)["alert_id"] for _, body in pager.requests] == ["alert-0", "alert-1", "alert-2"]
        assert all(notifier.stop() == 0 for notifier in notifiers), here.last_words()


@pytest.mark.timeout(600)
def test_a_notifier_killed_before_its_commit_delivers_with_the_same_key(broker: Broker, tmp_path: Path) -> None:
    """If the notifier dies after a delivery, the alert comes once more, with the same key."""
    sent = [alert(number, end=NOW) for number in range(3)]
    with stalling_receiver() as there, pipeline(broker.bootstrap, tmp_path / "run") as here:
        produce(broker.bootstrap, here.settings.topics.alerts, [(b"app", encode(each)) for each in sent])
        address = {"SENTIMENT_NOTIFY__WEBHOOK_URL": there.url}
        notifier = here.command("notify", **address).start()
        here.until(there.stalled.is_set, "the first request")
        notifier.kill()
        there.go_on.set()
        notifier.start()
        here.until(lambda: len(set(there.keys)) == 3 and len(there.keys) >= 4, "all alerts")
        assert notifier.stop() == 0, here.last_words()
        again = here.command("notify", "--until-idle", "1", **address).start()
        assert again.wait() == 0, here.last_words()
        assert sorted(there.keys) == ["alert-0", "alert-0", "alert-1", "alert-2"]
        assert {body["alert_id"] for body in there.bodies} == {each.alert_id for each in sent}


@pytest.mark.timeout(600)
def test_an_alert_that_was_published_twice_is_delivered_once(broker: Broker, tmp_path: Path) -> None:
    """A new notifier reads from the topic which alerts its group has handled."""
    with stalling_receiver() as there, pipeline(broker.bootstrap, tmp_path / "run") as here:
        there.go_on.set()
        for _ in range(2):
            produce(broker.bootstrap, here.settings.topics.alerts, [(b"app", encode(alert(end=NOW)))])
            notifier = here.command("notify", "--until-idle", "1", SENTIMENT_NOTIFY__WEBHOOK_URL=there.url).start()
            assert notifier.wait() == 0, here.last_words()
        assert there.keys == ["alert-0"]


@pytest.mark.timeout(600)
def test_what_a_receiver_does_not_take_is_kept_for_redelivery(broker: Broker, tmp_path: Path) -> None:
    """A wrong address holds the alerts back; one that is refused is parked, and delivered when it is sent again."""
    sent = [alert(number, end=NOW) for number in range(2)]
    with receiver(404, 404, 413) as there, pipeline(broker.bootstrap, tmp_path / "run") as here:
        produce(broker.bootstrap, here.settings.topics.alerts, [(b"app", encode(each)) for each in sent])
        settings = {"SENTIMENT_NOTIFY__WEBHOOK_URL": there.url, "SENTIMENT_NOTIFY__MAX_ATTEMPTS": "2"}
        held = here.command("notify", "--until-idle", "1", **settings).start()
        assert held.wait() != 0
        assert held.has_said("HTTP 404")
        here.commands.remove(held)
        assert here.command("notify", "--until-idle", "1", **settings).start().wait() == 0, here.last_words()
        again = here.command("notify", "--redeliver", "--until-idle", "1", **settings).start()
        assert again.wait() == 0, here.last_words()
        keys = [headers["Idempotency-Key"] for headers, _ in there.requests]
        assert set(keys[2:]) == {"alert-0", "alert-1"}
        assert len(keys[2:]) == 3
        assert again.output.read_text() == ""  # the console had them


def _handled(here: Pipeline) -> int:
    """How many results the alert worker has committed."""
    group, topic = f"{here.settings.worker.group_id.split('.')[0]}.alerts", here.settings.topics.sentiment
    return sum(committed_offsets(here.settings.kafka.bootstrap_servers, group, topic).values())


def _fates(here: Pipeline) -> Counter[Fate]:
    """What became of the results, from the saved states."""
    latest = {
        record.partition: decode_stream(record.value or b"").fates
        for record in read_to_end(here.settings, here.settings.topics.alert_state)
        if record.key == STREAM_KEY
    }
    return sum((Counter(fates) for fates in latest.values()), Counter())


def _calm_run(results: list[ScoredFeedback]) -> list[str]:
    """The ids of the alerts when nothing is killed, computed by the pure core."""
    seen = [replace(observation(each), feed=FEEDS[each.position.offset % len(FEEDS)]) for each in results]
    return [make_alert(change, created_at=NOW).alert_id for change in watch(seen)]


class StallingReceiver:
    """Accepts requests. The answer to the first one waits for `go_on`."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[str] = []
        self.bodies: list[dict[str, object]] = []
        self.stalled = threading.Event()
        self.go_on = threading.Event()


@contextmanager
def stalling_receiver() -> Iterator[StallingReceiver]:
    """On a free port."""
    made = StallingReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.keys.append(self.headers["idempotency-key"])
            made.bodies.append(json.loads(body))
            made.stalled.set()
            made.go_on.wait(120)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
