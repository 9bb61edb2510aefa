"""The body that Slack's incoming webhooks take, and those of chats that are compatible with it."""

from __future__ import annotations

import re

import httpx
import msgspec

from consumers.notifying.channels.console import as_text
from sentiment.events import Alert

_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
# Mattermost and Rocket.Chat; Discord takes Slack's body at addresses that end so.
_PATHS = re.compile(r"/hooks/[0-9A-Za-z]{20,}(/[0-9A-Za-z]{20,})?/?|.*/slack/?")


def is_slack_compatible(url: httpx.URL) -> bool:
    """Whether the address looks like an incoming webhook of Slack or of a chat that is compatible with it."""
    return url.host in _HOSTS or _PATHS.fullmatch(url.path) is not None


def slack_message(alert: Alert) -> bytes:
    """`alert` as a message. What Slack would read as markup or as a call for everybody is escaped."""
    text = as_text(alert).strip()
    for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, escaped)
    return msgspec.json.encode({"text": text})
