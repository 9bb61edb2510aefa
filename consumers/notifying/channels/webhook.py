"""Alerts as signed HTTP requests.

The body is the alert as on its topic. A receiver should verify `X-Sentiment-Signature: t=<unix seconds>,v1=<hex>`,
where hex is the HMAC-SHA256 of `<t>.<body>` with the shared secret, and refuse an old `t`. It should also drop a
repeated `Idempotency-Key` (the id of the alert), because a notifier that is killed between a delivery and its commit
delivers again.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import TextIO

import httpx

from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from consumers.notifying.channels.outbound import LimitedTransport, NoAnswer, is_forbidden
from sentiment import __version__
from sentiment.errors import ConfigurationError
from sentiment.events import Alert, encode
from sentiment.settings import NotifySettings

SIGNATURE_HEADER = "X-Sentiment-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"

_LATER = frozenset({408, 425, 429})
_MAX_RETRY_AFTER_S = 300.0


class WebhookChannel:
    """Posts to one URL. Does not follow redirects: the signed body is for the configured receiver only.

    `timeout_s` is for a whole attempt, however slowly the receiver answers.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str | None, *, timeout_s: float) -> None:
        self._url = _checked(url)
        self._secret = None if secret is None else secret.encode()
        self._client = httpx.Client(
            transport=LimitedTransport(self._url, limit_s=timeout_s), timeout=timeout_s, follow_redirects=False
        )

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Post once. Any 2xx answer means delivered; 408, 425, 429 and 5xx mean try again later."""
        body = encode(alert)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"sentiment-pipeline/{__version__}",
            IDEMPOTENCY_HEADER: alert.alert_id,
        }
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = signature(self._secret, body, int(now.timestamp()))
        try:
            # Only the status matters, so the body is never read, however long it is.
            with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                return _judge(response)
        except NoAnswer as error:
            return Attempt(DeliveryOutcome.UNAVAILABLE, error.reason)
        except httpx.HTTPError as error:
            return Attempt(DeliveryOutcome.UNAVAILABLE, type(error).__name__)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def open_webhook(notify: NotifySettings, console: TextIO) -> WebhookChannel | None:
    """The webhook, if the settings name a URL. Raises ConfigurationError for one that is not http(s)."""
    if notify.webhook_url is None:
        return None
    return WebhookChannel(notify.webhook_url, notify.secret(), timeout_s=notify.timeout_s)


def signature(secret: bytes, body: bytes, at_s: int) -> str:
    """The value of the signature header for a body at `at_s` (Unix seconds)."""
    digest = hmac.new(secret, b"%d." % at_s + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def _checked(url: str) -> httpx.URL:
    try:
        checked = httpx.URL(url)
    except httpx.InvalidURL:
        checked = httpx.URL("")
    if is_forbidden(checked.host):
        raise ConfigurationError(
            "notify.webhook_url is a link-local address", hint="such addresses serve cloud metadata, not webhooks"
        )
    if checked.scheme not in {"http", "https"} or not checked.host:
        raise ConfigurationError(
            "notify.webhook_url is not an HTTP(S) address", hint="for example https://example.com/hooks/alerts"
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
    """Seconds, five minutes at most. The form with a date is ignored, because it compares two machines' clocks."""
    return min(float(value), _MAX_RETRY_AFTER_S) if value.isascii() and value.isdigit() else None
