"""Further channels of the notifier, in a file of their own. A table for each, by its name:

    [pager]
    kind = "pagerduty"
    key_file = "/run/secrets/pagerduty-key"
    severities = ["critical"]

    [checkout-chat]
    kind = "slack"
    url_file = "/run/secrets/checkout-chat"
    segments = ["checkout*"]

Secrets, and the addresses of chats are such, are in files of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, model_validator

from sentiment.errors import ConfigurationError
from sentiment.settings.section import Section, read_secret
from sentiment.settings.side_file import read_side_file

Severity = Literal["warning", "critical"]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", max_length=254)]


class ChannelSettings(Section):
    """Which alerts a channel gets: those of `segments`, in which a `*` stands for any text, and of `severities`."""

    segments: list[str] = Field(default=["*"], min_length=1)
    severities: list[Severity] = Field(default=["warning", "critical"], min_length=1)


class ChatSettings(ChannelSettings):
    """An incoming webhook of a chat. `url_file` holds its address."""

    kind: Literal["slack", "teams", "discord"]
    url_file: Path


class WebhookSettings(ChannelSettings):
    """A webhook that gets the alert as it is on the topic; `secret_file` holds the key of its signature."""

    kind: Literal["webhook"]
    url: str
    secret_file: Path | None = None


class PagerDutySettings(ChannelSettings):
    """A PagerDuty service with an integration of the Events API v2, whose key is in `key_file`."""

    kind: Literal["pagerduty"]
    key_file: Path
    url: str = "https://events.pagerduty.com"


class OpsgenieSettings(ChannelSettings):
    """An API integration of Opsgenie, whose key is in `key_file`. In Europe `url` is https://api.eu.opsgenie.com."""

    kind: Literal["opsgenie"]
    key_file: Path
    url: str = "https://api.opsgenie.com"


class AlertmanagerSettings(ChannelSettings):
    """An Alertmanager; `token_file` holds a bearer token for the proxy in front of it."""

    kind: Literal["alertmanager"]
    url: str
    token_file: Path | None = None


class EmailSettings(ChannelSettings):
    """A mail server. With a `user`, `password_file` holds the password, and `tls` must not be none."""

    kind: Literal["email"]
    host: str
    port: int = Field(587, ge=1, le=65_535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password_file: Path | None = None
    sender: Address
    to: list[Address] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _safe(self) -> EmailSettings:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together")
        if self.user is not None and self.tls == "none":
            raise ValueError("a password needs tls")
        return self


AnyChannel = Annotated[
    ChatSettings | WebhookSettings | PagerDutySettings | OpsgenieSettings | AlertmanagerSettings | EmailSettings,
    Field(discriminator="kind"),
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""It is a metric label, and part of a group id."""

OWN_NAMES = frozenset({"console", "webhook", "redelivery"})
"""Channels that the settings name themselves, and the end of another group id."""

CHANNELS: TypeAdapter[dict[Name, AnyChannel]] = TypeAdapter(Annotated[dict[Name, AnyChannel], Field(max_length=20)])
"""The content of the file."""


def load_channels(path: Path) -> dict[str, AnyChannel]:
    """The channels in a file, by name.

    Raises:
        ConfigurationError: it cannot be read; names each faulty field.
    """
    found = read_side_file(path, CHANNELS, "notify.channels_file", "docs/notifications.md")
    if taken := OWN_NAMES & found.keys():
        raise ConfigurationError(f"{path}: the name {min(taken)} is taken", hint="choose another name")
    return found


def secret_files(channel: ChannelSettings) -> dict[str, Path]:
    """The files of a channel that hold its secrets, by the name of the field."""
    fields = (field for field in type(channel).model_fields if field.endswith("_file"))
    return {field: file for field in fields if (file := getattr(channel, field)) is not None}


def secret_of(channel: ChannelSettings, name: str, field: str) -> str:
    """The secret in the file that `field` of the channel `name` names. Raises ConfigurationError if it is not there."""
    secret = read_secret(None, getattr(channel, field), f"{field} of the channel {name}:")
    if secret is None:
        raise ConfigurationError(f"the channel {name} has no {field}")
    return secret
