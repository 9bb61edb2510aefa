"""Delivery: a receiver that fails, hangs and refuses, what is signed, and what is delivered once."""

from __future__ import annotations

import hashlib
import hmac
import io
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from consumers.alerts.channels.channel import Attempt, Channel, Outcome
from consumers.alerts.channels.circuit import Circuit
from consumers.alerts.channels.console import ConsoleChannel, as_text
from consumers.alerts.channels.webhook import IDEMPOTENCY_HEADER, SIGNATURE_HEADER, WebhookChannel
from consumers.alerts.notifying import NotifyHandler, NotifyOptions
from consumers.metrics import Metrics
from consumers.records import EMPTY_RESULT, Record, RecordBatch, TopicPartition
from sentiment.errors import ConfigurationError, FatalError, Pressure
from sentiment.events import Alert, ModelRef, Rate, encode
from tests.consumers.results import START

P0 = TopicPartition("alerts", 0)
SECRET = "a shared secret"


def alert(number: int = 0, *, end: datetime = START, exemplars: Iterable[str] = ("it [EMAIL] fails",)) -> Alert:
    return Alert(
        alert_id=f"alert-{number}",
        episode_id=f"episode-{number}",
        status="firing",
        segment="app",
        severity="critical",
        window_start=end - timedelta(minutes=20),
        window_end=end,
        n=40,
        negatives=20,
        observed=Rate(value=0.5, low=0.35, high=0.65),
        expected=0.1,
        probability_of_chance=1e-6,
        drivers=["payment declined"],
        exemplars=list(exemplars),
        model=ModelRef(name="m", version="1"),
        started_at=end - timedelta(minutes=20),
        created_at=end,
        message="app: 50% negative against 10% expected",
    )


def batch(*alerts: Alert, first_offset: int = 0) -> RecordBatch:
    records = [Record("alerts", 0, first_offset + n, 0, b"app", encode(each)) for n, each in enumerate(alerts)]
    return RecordBatch({P0: tuple(records)})


@dataclass
class Receiver:
    """A server whose answers are scripted: a status, or None for no answer at all; 200 when the script is over."""

    script: list[int | None] = field(default_factory=list)
    requests: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiver(*script: int | None, **headers: str) -> Iterator[Receiver]:
    """A real server on a free port."""
    made = Receiver(list(script), headers={name.replace("_", "-"): value for name, value in headers.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.requests.append((dict(self.headers.items()), body))
            status = made.script.pop(0) if made.script else 200
            if status is None:
                made.over.wait(60)
                return
            self.send_response(status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook?token=abc"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class NoHistory:
    """Nothing was delivered before, but for the ids given."""

    def __init__(self, *ids: str) -> None:
        self.ids = set(ids)

    def handled(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, set[str]]:
        return {partition: set(self.ids) for partition in partitions}


@dataclass
class Scripted:
    """A channel with scripted outcomes, delivered when the script is over."""

    name: str = "scripted"
    script: list[Outcome] = field(default_factory=list)
    stumbles_over: str = ""
    seen: list[str] = field(default_factory=list)

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        self.seen.append(alert.alert_id)
        if alert.alert_id == self.stumbles_over:
            return Attempt(Outcome.UNAVAILABLE, "HTTP 500")
        return Attempt(self.script.pop(0) if self.script else Outcome.DELIVERED, "scripted")


def handler(*channels: Channel, history: NoHistory | None = None, finite: bool = False) -> NotifyHandler:
    options = NotifyOptions(max_age=timedelta(days=1), max_attempts=3, open_s=30.0, finite=finite)
    made = NotifyHandler(channels, history or NoHistory(), options, Metrics())
    made.on_assigned(frozenset({P0}), START)
    return made


def outcomes(made: NotifyHandler, channel: str) -> dict[str, float]:
    """Notifications of a channel by outcome, from the metrics."""
    registry = made._metrics.registry
    found = {
        outcome: registry.get_sample_value("sentiment_notifications_total", {"channel": channel, "outcome": outcome})
        for outcome in ("delivered", "failed", "expired")
    }
    return {outcome: value for outcome, value in found.items() if value}


def persist(made: NotifyHandler, work: RecordBatch, *, within: timedelta = timedelta(minutes=10)) -> timedelta:
    """Hand the batch over again and again, a second apart, as the loop does under pressure; how long it took."""
    passed = timedelta()
    while passed <= within:
        try:
            assert made.handle(work, START + passed) == EMPTY_RESULT
        except Pressure:
            passed += timedelta(seconds=1)
        else:
            return passed
    raise AssertionError("the batch was held for too long")


def test_a_webhook_that_fails_then_accepts_gets_the_alert() -> None:
    """An error, no answer and a refused rate are retried, with the same key and body, until it is taken."""
    with receiver(503, None, 429) as there, closing(WebhookChannel(there.url, SECRET, timeout_s=0.5)) as webhook:
        made = handler(webhook)
        persist(made, batch(alert()))
        assert len(there.requests) == 4
        assert {headers[IDEMPOTENCY_HEADER] for headers, _ in there.requests} == {"alert-0"}
        assert {body for _, body in there.requests} == {encode(alert())}
        assert outcomes(made, "webhook") == {"delivered": 1.0}


def test_the_signature_proves_body_and_time() -> None:
    """A receiver with the secret can verify it by the documented rule."""
    with receiver() as there, closing(WebhookChannel(there.url, SECRET, timeout_s=5.0)) as webhook:
        assert webhook.attempt(alert(), START).outcome is Outcome.DELIVERED
        headers, body = there.requests[0]
        at, value = (part.split("=", 1)[1] for part in headers[SIGNATURE_HEADER].split(","))
        assert int(at) == int(START.timestamp())
        assert value == hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_without_a_secret_nothing_is_signed() -> None:
    """No header that looks like a proof."""
    with receiver() as there, closing(WebhookChannel(there.url, None, timeout_s=5.0)) as webhook:
        webhook.attempt(alert(), START)
        assert SIGNATURE_HEADER not in there.requests[0][0]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (202, Outcome.DELIVERED),
        (302, Outcome.REFUSED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (408, Outcome.UNAVAILABLE),
        (429, Outcome.UNAVAILABLE),
        (500, Outcome.UNAVAILABLE),
        (503, Outcome.UNAVAILABLE),
    ],
)
def test_what_an_answer_means(status: int, outcome: Outcome) -> None:
    """Success, a fault that may pass, or one that will not; a redirect is not followed."""
    with receiver(status, Location="/elsewhere") as there:
        with closing(WebhookChannel(there.url, SECRET, timeout_s=5.0)) as webhook:
            attempt = webhook.attempt(alert(), START)
        assert attempt.outcome is outcome
        assert len(there.requests) == 1


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("99999", 300.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_the_receiver_may_ask_for_a_pause(value: str, seconds: float | None) -> None:
    """Retry-After in seconds is honoured, up to five minutes."""
    with (
        receiver(503, Retry_After=value) as there,
        closing(WebhookChannel(there.url, None, timeout_s=5.0)) as webhook,
    ):
        assert webhook.attempt(alert(), START).retry_after_s == seconds


def test_a_reason_tells_no_address() -> None:
    """An unreachable receiver's address (it may hold a token) is in no reason."""
    with receiver() as there:
        url = there.url
    with closing(WebhookChannel(url, None, timeout_s=1.0)) as webhook:
        attempt = webhook.attempt(alert(), START)
    assert attempt == Attempt(Outcome.UNAVAILABLE, "ConnectError")


@pytest.mark.parametrize("url", ["ftp://host/x", "host/x", "", "http://", "http://a:b:c"])
def test_a_wrong_address_is_a_configuration_error(url: str) -> None:
    """Found at the start, and not repeated in the message."""
    with pytest.raises(ConfigurationError) as raised:
        WebhookChannel(url, None, timeout_s=1.0)
    assert "notify.webhook_url" in raised.value.message


def test_a_channel_that_is_down_does_not_repeat_the_others() -> None:
    """While one channel is waited for, what another has taken is not given to it again."""
    console, down = Scripted("console"), Scripted("down", [Outcome.UNAVAILABLE] * 5)
    made = handler(console, down)
    persist(made, batch(alert(0), alert(1)))
    assert console.seen == ["alert-0", "alert-1"]
    assert down.seen.count("alert-0") + down.seen.count("alert-1") == 7
    assert outcomes(made, "down") == {"delivered": 2.0}


def test_an_open_circuit_is_tried_rarely() -> None:
    """After its attempts a dead channel costs one attempt per half minute."""
    dead = Scripted(script=[Outcome.UNAVAILABLE] * 1_000)
    made = handler(dead)
    with pytest.raises(AssertionError, match="held"):
        persist(made, batch(alert()), within=timedelta(minutes=10))
    assert 15 <= len(dead.seen) <= 3 + 600 / 30


def test_an_alert_is_given_up_after_an_hour() -> None:
    """One that a receiver always stumbles over does not hold the next ones back for ever."""
    channel = Scripted(stumbles_over="alert-0")
    made = handler(channel)
    took = persist(made, batch(alert(0), alert(1)), within=timedelta(hours=2))
    assert timedelta(hours=1) < took < timedelta(hours=1, minutes=1)
    assert channel.seen.index("alert-1") < 4
    assert outcomes(made, "scripted") == {"delivered": 1.0, "failed": 1.0}


def test_a_refused_alert_is_not_tried_again() -> None:
    """It is counted as failed, and the next one goes out."""
    channel = Scripted(script=[Outcome.REFUSED])
    made = handler(channel)
    assert persist(made, batch(alert(0), alert(1))) == timedelta()
    assert outcomes(made, "scripted") == {"failed": 1.0, "delivered": 1.0}


def test_old_alerts_are_recorded_not_sent() -> None:
    """A back-fill of last year wakes nobody."""
    channel = Scripted()
    made = handler(channel)
    made.handle(batch(alert(0, end=START - timedelta(hours=25)), alert(1, end=START - timedelta(hours=23))), START)
    assert channel.seen == ["alert-1"]
    assert outcomes(made, "scripted") == {"expired": 1.0, "delivered": 1.0}


def test_the_same_alert_is_delivered_once() -> None:
    """Twice in one batch, again in a later one, or before this notifier started."""
    channel = Scripted()
    made = handler(channel, history=NoHistory("alert-7"))
    made.handle(batch(alert(0), alert(0)), START)
    made.handle(batch(alert(0), alert(7), first_offset=2), START)
    assert channel.seen == ["alert-0"]


def test_a_failed_commit_does_not_deliver_again() -> None:
    """The loop lost its clients after the delivery: the same records come again."""
    channel = Scripted()
    made = handler(channel)
    made.handle(batch(alert(0)), START)
    made.on_lost(frozenset({P0}))
    made.on_assigned(frozenset({P0}), START)
    made.handle(batch(alert(0)), START)
    assert channel.seen == ["alert-0"]


def test_a_finite_run_ends_with_an_error_rather_than_hold() -> None:
    """Offsets stay, so that the next run delivers."""
    dead = Scripted(script=[Outcome.UNAVAILABLE] * 10)
    with pytest.raises(FatalError, match="did not take an alert in 3 attempts"):
        persist(handler(dead, finite=True), batch(alert()))
    assert len(dead.seen) == 3


def test_what_is_not_an_alert_is_passed_over() -> None:
    """Junk on the alerts topic holds nothing up."""
    channel = Scripted()
    junk = RecordBatch({P0: (Record("alerts", 0, 0, 0, None, b"{}"), Record("alerts", 0, 1, 0, None, None))})
    assert handler(channel).handle(junk, START) == EMPTY_RESULT
    assert channel.seen == []


def test_a_circuit_waits_longer_and_closes_on_success() -> None:
    """Delays grow with jitter up to the limit of failures, and a success starts over."""
    circuit = Circuit(3, open_s=30.0, seed=1)
    now = START
    assert circuit.allows(now)
    circuit.failed(now)
    assert not circuit.allows(now)
    assert circuit.allows(now + timedelta(seconds=0.5))
    circuit.failed(now, retry_after_s=9.0)
    assert not circuit.allows(now + timedelta(seconds=8.9))
    assert not circuit.is_open
    circuit.failed(now)
    assert circuit.is_open
    assert not circuit.allows(now + timedelta(seconds=29.9))
    assert circuit.allows(now + timedelta(seconds=30))
    circuit.succeeded()
    assert circuit.allows(now)
    assert not circuit.is_open


def test_the_console_shows_lines_and_no_control_characters() -> None:
    """The message on one line, examples below; nothing in a text can drive the terminal."""
    out = io.StringIO()
    ConsoleChannel(out).attempt(alert(exemplars=["red \x1b[31m\r\nalert"]), START)
    assert out.getvalue() == as_text(alert(exemplars=["red  [31m  alert"]))
    assert out.getvalue().splitlines() == [
        "FIRING critical · app: 50% negative against 10% expected",
        "    “red  [31m  alert”",
    ]
