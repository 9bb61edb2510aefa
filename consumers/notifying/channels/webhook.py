"""Alerts as signed HTTP requests, or as messages of a chat.

The body is the alert as on its topic. A receiver should verify `X-Sentiment-Signature: t=<unix seconds>,v1=<hex>`,
where hex is the HMAC-SHA256 of `<t>.<body>` with the shared secret, and refuse an old `t`. It should also drop a
repeated `Idempotency-Key` (the id of the alert), because a notifier that is killed between a delivery and its commit
delivers again.

Slack, and what is compatible with it (Mattermost, Rocket.Chat, Discord's `/slack` addresses), takes a message instead:
`{"text": …}`. It is chosen by the address, or by `notify.webhook_format`.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import TextIO

import httpx

from consumers.notifying.channels.answers import judge
from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from consumers.notifying.channels.outbound import LimitedTransport, NoAnswer, is_forbidden
from consumers.notifying.channels.slack import is_slack_compatible, slack_message
from sentiment import __version__
from sentiment.errors import ConfigurationError
from sentiment.events import Alert, encode
from sentiment.settings import NotifySettings, WebhookFormat

SIGNATURE_HEADER = "X-Sentiment-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"


class WebhookChannel:
    """Posts to one URL. Does not follow redirects: the signed body is for the configured receiver only.

    `timeout_s` is for a whole attempt, however slowly the receiver answers.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str | None, *, timeout_s: float, body_format: WebhookFormat = "auto") -> None:
        self._url = _checked(url)
        self._is_chat = is_slack_compatible(self._url) if body_format == "auto" else body_format == "slack"
        self._secret = None if secret is None else secret.encode()
        self._client = httpx.Client(
            transport=LimitedTransport(self._url, limit_s=timeout_s), timeout=timeout_s, follow_redirects=False
        )

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Post once. See `answers` for what an answer means."""
        body = slack_message(alert) if self._is_chat else encode(alert)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"sentiment-pipeline/{__version__}",
            IDEMPOTENCY_HEADER: alert.alert_id,
        }
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = signature(self._secret, body, int(now.timestamp()))
        try:
            # Of the answer no more than the beginning is read, however long it is.
            with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                return judge(response, body)
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
    return WebhookChannel(
        notify.webhook_url, notify.secret(), timeout_s=notify.timeout_s, body_format=notify.webhook_format
    )


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
