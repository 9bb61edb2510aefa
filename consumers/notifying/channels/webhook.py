"""Alerts as signed HTTP requests.

The body is the alert as on its topic. A receiver verifies `X-Sentiment-Signature: t=<unix seconds>,v1=<hex>`, where hex
is HMAC-SHA256 of `<t>.<body>` with the shared secret, refuses old `t`, and drops a repeated `Idempotency-Key` (the id
of the alert): a notifier that is killed between a delivery and its commit delivers again.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import TextIO

import httpx

from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from sentiment import __version__
from sentiment.errors import ConfigurationError
from sentiment.events import Alert, encode
from sentiment.settings import NotifySettings

SIGNATURE_HEADER = "X-Sentiment-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"

_LATER = frozenset({408, 425, 429})
_MAX_RETRY_AFTER_S = 300.0


class WebhookChannel:
    """Posts to one URL. Redirects are not followed: the signed body is for the configured receiver only."""

    name = "webhook"

    def __init__(self, url: str, secret: str | None, *, timeout_s: float) -> None:
        self._url = _checked(url)
        self._secret = None if secret is None else secret.encode()
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False)

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Post once. Any 2xx answer is a delivery; 408, 425, 429 and 5xx ask for another attempt."""
        body = encode(alert)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"sentiment-pipeline/{__version__}",
            IDEMPOTENCY_HEADER: alert.alert_id,
        }
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = signature(self._secret, body, int(now.timestamp()))
        try:
            # Streamed, and closed unread: the status is all that matters, whatever else the receiver sends.
            with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                return _judge(response)
        except httpx.HTTPError as error:
            return Attempt(DeliveryOutcome.UNAVAILABLE, type(error).__name__)

    def close(self) -> None:
        """Give the connections up."""
        self._client.close()


def open_webhook(notify: NotifySettings, console: TextIO) -> WebhookChannel | None:
    """The webhook, if the settings name a URL. Raises ConfigurationError for one that is not http(s)."""
    if notify.webhook_url is None:
        return None
    return WebhookChannel(notify.webhook_url, notify.secret(), timeout_s=notify.timeout_s)


def signature(secret: bytes, body: bytes, at_s: int) -> str:
    """The value of the signature header for a body at a time (Unix seconds)."""
    digest = hmac.new(secret, b"%d." % at_s + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def _checked(url: str) -> httpx.URL:
    try:
        checked = httpx.URL(url)
    except httpx.InvalidURL:
        checked = httpx.URL("")
    if checked.scheme not in {"http", "https"} or not checked.host:
        raise ConfigurationError(
            "notify.webhook_url is not an http(s) address", hint="for example https://example.com/hooks/alerts"
        )
    return checked


def _judge(response: httpx.Response) -> Attempt:
    status = response.status_code
    if 200 <= status < 300:
        return Attempt(DeliveryOutcome.DELIVERED)
    reason = f"HTTP {status}"
    if status >= 500 or status in _LATER:
        return Attempt(DeliveryOutcome.UNAVAILABLE, reason, _retry_after_s(response.headers.get("Retry-After", "")))
    return Attempt(DeliveryOutcome.REFUSED, reason)


def _retry_after_s(value: str) -> float | None:
    """Seconds, at most five minutes; the form with a date is not worth trusting two clocks."""
    return min(float(value), _MAX_RETRY_AFTER_S) if value.isascii() and value.isdigit() else None
