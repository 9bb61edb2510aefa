"""What a receiver's answer means, and what may be logged of it.

Only a 2xx answer is a delivery. Any other says whose fault it is: the receiver is unwell (5xx, 408, 425, 429), it
cannot take this alert (413, 422), or the address, key or format is wrong (everything else, redirects included). The
last is for a person to mend, so no alert may be lost over it.
"""

from __future__ import annotations

import httpx

from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from sentiment.privacy import redact
from sentiment.terminal import printable

_LATER = frozenset({408, 425, 429})
_TOO_MUCH = frozenset({413, 422})
_MAX_RETRY_AFTER_S = 300.0

_SHOWN_CHARS = 120
_READ_BYTES = 1_024
_ECHO_CHARS = 12
"""An answer that has as many characters in a row of what was sent repeats it."""

_SHORTEST_SECRET = 6


def judge(response: httpx.Response, sent: bytes) -> Attempt:
    """The outcome of an attempt that posted `sent`. Reads the beginning of a bad answer, within the attempt's time."""
    status = response.status_code
    if 200 <= status < 300:
        return Attempt(DeliveryOutcome.DELIVERED)
    words = _first_words(response, sent)
    reason = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    if status >= 500 or status in _LATER:
        return Attempt(DeliveryOutcome.UNAVAILABLE, reason, _retry_after_s(response.headers.get("Retry-After", "")))
    return Attempt(DeliveryOutcome.REFUSED if status in _TOO_MUCH else DeliveryOutcome.MISCONFIGURED, reason)


def _first_words(response: httpx.Response, sent: bytes) -> str:
    """The beginning of the answer as one redacted line, without our address; empty if it repeats what was sent."""
    try:
        body = next(response.iter_bytes(_READ_BYTES), b"")[:_READ_BYTES]
    except httpx.HTTPError:
        return ""
    text = " ".join(body.decode("utf-8", "replace").split())
    if _repeats(text, sent.decode("utf-8", "replace")):
        return "(the answer repeats the alert)"
    for part in _address_parts(response.request.url):
        text = text.replace(part, "…")
    return printable(redact(text).text)[:_SHOWN_CHARS]


def _repeats(answer: str, sent: str) -> bool:
    plain = " ".join(sent.replace("\\", "").split())
    text = answer.replace("\\", "")
    return any(text[start : start + _ECHO_CHARS] in plain for start in range(max(0, len(text) - _ECHO_CHARS + 1)))


def _address_parts(url: httpx.URL) -> list[str]:
    """What of the address may be a secret, longest first: the tokens of hosted receivers are in the path."""
    parts = {url.query.decode("ascii", "replace"), url.path, *url.path.split("/"), *url.params.values(), url.password}
    return sorted((part for part in parts if len(part) >= _SHORTEST_SECRET), key=len, reverse=True)


def _retry_after_s(value: str) -> float | None:
    """Seconds, five minutes at most. The form with a date is ignored, because it compares two machines' clocks."""
    return min(float(value), _MAX_RETRY_AFTER_S) if value.isascii() and value.isdigit() else None
