"""The bodies that the incoming webhooks of chats take: Slack and what is compatible with it, Teams, Discord."""

from __future__ import annotations

import re

import httpx
import msgspec

from consumers.notifying.channels.console import as_text
from sentiment.events import Alert

_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
# Mattermost and Rocket.Chat; Discord takes Slack's body at addresses that end so.
_PATHS = re.compile(r"/hooks/[0-9A-Za-z]{20,}(/[0-9A-Za-z]{20,})?/?|.*/slack/?")

_DISCORD_CHARS = 2_000
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~])")


def is_slack_compatible(url: httpx.URL) -> bool:
    """Whether the address looks like an incoming webhook of Slack or of a chat that is compatible with it."""
    return url.host in _HOSTS or _PATHS.fullmatch(url.path) is not None


def slack_message(alert: Alert) -> bytes:
    """`alert` as a message. What Slack would read as markup or as a call for everybody is escaped."""
    text = as_text(alert).strip()
    for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, escaped)
    return msgspec.json.encode({"text": text})


def discord_message(alert: Alert) -> bytes:
    """`alert` as a message of at most 2,000 characters. Nobody is called, whatever the text says.

    Source: https://discord.com/developers/docs/resources/webhook#execute-webhook
    """
    text = _MARKDOWN.sub(r"\\\1", as_text(alert).strip())
    if len(text) > _DISCORD_CHARS:
        text = text[: _DISCORD_CHARS - 1].rstrip("\\") + "…"
    return msgspec.json.encode({"content": text, "allowed_mentions": {"parse": []}})


def teams_message(alert: Alert) -> bytes:
    """`alert` as an adaptive card, for a workflow that waits for a webhook request. The lines are plain text.

    Source: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
    """
    first, *others = as_text(alert).strip().split("\n")
    blocks = [_block(first, weight="Bolder"), *(_block(line.strip(), isSubtle=True) for line in others)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return msgspec.json.encode({"type": "message", "attachments": [attachment]})


def _block(text: str, **style: object) -> dict[str, object]:
    return {"type": "TextBlock", "text": _MARKDOWN.sub(r"\\\1", text), "wrap": True, **style}
