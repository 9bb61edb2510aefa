"""Alerts as HTTP requests: one class posts, and a function for each service makes the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from consumers.notifying.channels.answers import judge
from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from consumers.notifying.channels.outbound import LimitedTransport, NoAnswer, is_forbidden
from sentiment import __version__
from sentiment.errors import ConfigurationError
from sentiment.events import Alert

IDEMPOTENCY_HEADER = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Post:
    """One request: a JSON body, further headers, and a path that replaces that of the channel's address."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str | None = None


class HttpChannel:
    """Posts what `make` makes of an alert. Does not follow redirects: what it sends is for this receiver only.

    `timeout_s` is for a whole attempt, however slowly the receiver answers.
    """

    def __init__(self, name: str, url: httpx.URL, make: Callable[[Alert, datetime], Post], *, timeout_s: float) -> None:
        self.name = name
        self._url = url
        self._make = make
        self._client = httpx.Client(
            transport=LimitedTransport(url, limit_s=timeout_s), timeout=timeout_s, follow_redirects=False
        )

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Post once. See `answers` for what an answer means."""
        post = self._make(alert, now)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"sentiment-pipeline/{__version__}",
            IDEMPOTENCY_HEADER: alert.alert_id,
            **post.headers,
        }
        url = self._url if post.path is None else self._url.copy_with(raw_path=post.path.encode("ascii"))
        sent = b"\n".join([post.body, *(value.encode() for value in post.headers.values())])
        try:
            # Of the answer no more than the beginning is read, however long it is.
            with self._client.stream("POST", url, content=post.body, headers=headers) as response:
                return judge(response, sent)
        except NoAnswer as error:
            return Attempt(DeliveryOutcome.UNAVAILABLE, error.reason)
        except httpx.HTTPError as error:
            return Attempt(DeliveryOutcome.UNAVAILABLE, type(error).__name__)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def checked_address(address: str, setting: str) -> httpx.URL:
    """The address that `setting` holds.

    Raises:
        ConfigurationError: it is not http(s), or link-local. Says nothing of the address, which may be a secret.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if is_forbidden(url.host):
        raise ConfigurationError(
            f"{setting} is a link-local address", hint="such addresses serve cloud metadata, not webhooks"
        )
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError(
            f"{setting} is not an HTTP(S) address", hint="for example https://example.com/hooks/alerts"
        )
    return url
