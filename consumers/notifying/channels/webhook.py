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

from consumers.notifying.channels.chats import is_slack_compatible, slack_message
from consumers.notifying.channels.http import HttpChannel, Post, checked_address
from sentiment.events import Alert, encode
from sentiment.settings import NotifySettings, WebhookFormat

SIGNATURE_HEADER = "X-Sentiment-Signature"


class WebhookChannel(HttpChannel):
    """Posts to one URL, which `setting` holds."""

    def __init__(
        self,
        url: str,
        secret: str | None,
        *,
        timeout_s: float,
        body_format: WebhookFormat = "auto",
        name: str = "webhook",
        setting: str = "notify.webhook_url",
    ) -> None:
        address = checked_address(url, setting)
        self._is_chat = is_slack_compatible(address) if body_format == "auto" else body_format == "slack"
        self._secret = None if secret is None else secret.encode()
        super().__init__(name, address, self._post, timeout_s=timeout_s)

    def _post(self, alert: Alert, now: datetime) -> Post:
        body = slack_message(alert) if self._is_chat else encode(alert)
        if self._secret is None:
            return Post(body)
        return Post(body, {SIGNATURE_HEADER: signature(self._secret, body, int(now.timestamp()))})


def open_webhook(notify: NotifySettings) -> WebhookChannel | None:
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
