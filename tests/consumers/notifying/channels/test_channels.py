"""Channels: receivers that fail, hang or refuse, the signature, and the console."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from contextlib import closing

import httpx
import pytest

from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from consumers.notifying.channels.chats import is_slack_compatible, slack_message
from consumers.notifying.channels.console import ConsoleChannel, as_text
from consumers.notifying.channels.http import IDEMPOTENCY_HEADER
from consumers.notifying.channels.webhook import SIGNATURE_HEADER, WebhookChannel
from sentiment.errors import ConfigurationError
from sentiment.events import encode
from tests.consumers.notifying.receiver import receiver
from tests.consumers.notifying.support import alert, batch, handler, outcomes, persist
from tests.consumers.results import START

SECRET = "a shared secret"


def test_a_webhook_that_fails_then_accepts_gets_the_alert() -> None:
    """An error, a missing answer and a rate limit are retried with the same key and body until it is delivered."""
    with receiver(503, None, 429) as there, closing(WebhookChannel(there.url, SECRET, timeout_s=0.5)) as webhook:
        made = handler(webhook)
        persist(made, batch(alert()))
        assert len(there.requests) == 4
        assert {headers[IDEMPOTENCY_HEADER] for headers, _ in there.requests} == {"alert-0"}
        assert {body for _, body in there.requests} == {encode(alert())}
        assert outcomes(made, "webhook") == {"delivered": 1.0}


def test_the_signature_proves_body_and_time() -> None:
    """A receiver with the secret can verify it as documented."""
    with receiver() as there, closing(WebhookChannel(there.url, SECRET, timeout_s=5.0)) as webhook:
        assert webhook.attempt(alert(), START).outcome is DeliveryOutcome.DELIVERED
        headers, body = there.requests[0]
        at, value = (part.split("=", 1)[1] for part in headers[SIGNATURE_HEADER].split(","))
        assert int(at) == int(START.timestamp())
        assert value == hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_without_a_secret_nothing_is_signed() -> None:
    """Then there is no signature header."""
    with receiver() as there, closing(WebhookChannel(there.url, None, timeout_s=5.0)) as webhook:
        webhook.attempt(alert(), START)
        assert SIGNATURE_HEADER not in there.requests[0][0]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, DeliveryOutcome.DELIVERED),
        (202, DeliveryOutcome.DELIVERED),
        (302, DeliveryOutcome.MISCONFIGURED),
        (308, DeliveryOutcome.MISCONFIGURED),
        (400, DeliveryOutcome.MISCONFIGURED),
        (401, DeliveryOutcome.MISCONFIGURED),
        (403, DeliveryOutcome.MISCONFIGURED),
        (404, DeliveryOutcome.MISCONFIGURED),
        (405, DeliveryOutcome.MISCONFIGURED),
        (410, DeliveryOutcome.MISCONFIGURED),
        (413, DeliveryOutcome.REFUSED),
        (422, DeliveryOutcome.REFUSED),
        (408, DeliveryOutcome.UNAVAILABLE),
        (429, DeliveryOutcome.UNAVAILABLE),
        (500, DeliveryOutcome.UNAVAILABLE),
        (503, DeliveryOutcome.UNAVAILABLE),
    ],
)
def test_what_an_answer_means(status: int, outcome: DeliveryOutcome) -> None:
    """A status means success, a receiver that is unwell, an alert it cannot take, or a wrong address, key or format. A
    redirect is not followed.
    """
    with receiver(status, Location="/elsewhere") as there:
        with closing(WebhookChannel(there.url, SECRET, timeout_s=5.0)) as webhook:
            attempt = webhook.attempt(alert(), START)
        assert attempt.outcome is outcome
        assert len(there.requests) == 1


def test_a_bad_answer_is_shown_redacted_and_without_our_address_or_text() -> None:
    """The beginning of the answer helps whoever mends the channel; it never holds a token or what was sent."""
    with receiver(404, 403, 400) as there:
        there.answers = [
            b"no hook at /services/T0123456/B0123456\nask anna.smith@example.com",
            b"\x1b[31mnot allowed\x1b[0m " + b"x" * 4_000,
            encode(alert()),
        ]
        url = httpx.URL(there.url).copy_with(path="/services/T0123456/B0123456")
        with closing(WebhookChannel(str(url), None, timeout_s=5.0)) as hooked:
            reasons = [hooked.attempt(alert(), START).reason for _ in range(3)]
    assert reasons[0] == "HTTP 404: no hook at … ask [EMAIL]"
    assert reasons[1].startswith("HTTP 403: ")
    assert "not allowed" in reasons[1]
    assert "\x1b" not in reasons[1]
    assert len(reasons[1]) < 150
    assert reasons[2] == "HTTP 400: (the answer repeats the alert)"


@pytest.mark.parametrize(
    ("address", "is_chat"),
    [
        ("https://hooks.slack.com/services/T1/B1/abc", True),
        ("https://chat.example.com/hooks/abcdefghijklmnopqrstuvwxyz", True),
        ("https://discord.com/api/webhooks/1/abc/slack", True),
        ("https://hooks.example.org/sentiment", False),
        ("https://slack.com.example.org/services/T1", False),
    ],
)
def test_chats_get_a_message(address: str, is_chat: bool) -> None:
    """Slack and its like take `{"text": …}`, with their markup escaped; others get the alert."""
    assert is_slack_compatible(httpx.URL(address)) is is_chat
    shouting = alert(exemplars=["<!channel> fails & <b>breaks</b>"])
    text = json.loads(slack_message(shouting))["text"]
    assert "&lt;!channel&gt; fails &amp; &lt;b&gt;breaks&lt;/b&gt;" in text
    assert "<" not in text


def test_the_format_can_be_chosen() -> None:
    """Whatever the address looks like."""
    with (
        receiver() as there,
        closing(WebhookChannel(there.url, None, timeout_s=5.0, body_format="slack")) as webhook,
    ):
        webhook.attempt(alert(), START)
        assert there.requests[0][1] == slack_message(alert())


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("99999", 300.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_the_receiver_may_ask_for_a_pause(value: str, seconds: float | None) -> None:
    """Retry-After in seconds is honoured, up to five minutes."""
    with (
        receiver(503, Retry_After=value) as there,
        closing(WebhookChannel(there.url, None, timeout_s=5.0)) as webhook,
    ):
        assert webhook.attempt(alert(), START).retry_after_s == seconds


def test_a_reason_tells_no_address() -> None:
    """The reason does not contain the receiver's address, which may contain a token."""
    with receiver() as there:
        url = there.url
    with closing(WebhookChannel(url, None, timeout_s=1.0)) as webhook:
        attempt = webhook.attempt(alert(), START)
    assert attempt == Attempt(DeliveryOutcome.UNAVAILABLE, "ConnectError")


@pytest.mark.parametrize("url", ["ftp://host/x", "host/x", "", "http://", "http://a:b:c"])
def test_a_wrong_address_is_a_configuration_error(url: str) -> None:
    """It is found at the start, and the message does not repeat it."""
    with pytest.raises(ConfigurationError) as raised:
        WebhookChannel(url, None, timeout_s=1.0)
    assert "notify.webhook_url" in raised.value.message


def test_the_console_shows_lines_and_no_control_characters() -> None:
    """The message is one line with examples below it. Nothing in a text can control the terminal."""
    out = io.StringIO()
    ConsoleChannel(out).attempt(alert(exemplars=["red \x1b[31m\r\nalert"]), START)
    assert out.getvalue() == as_text(alert(exemplars=["red �[31m  alert"]))
    assert out.getvalue().splitlines() == [
        "FIRING critical · app: 50% negative against 10% expected",
        "    “red �[31m  alert”",
    ]
