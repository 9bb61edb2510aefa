"""The channels that the configuration names, opened, and which alerts each of them gets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

import httpx

from consumers.notifying.channels.channel import Channel
from consumers.notifying.channels.chats import discord_message, slack_message, teams_message
from consumers.notifying.channels.console import open_console
from consumers.notifying.channels.email import EmailChannel
from consumers.notifying.channels.http import HttpChannel, Post, checked_address
from consumers.notifying.channels.pagers import alertmanager_alerts, opsgenie_request, pagerduty_event
from consumers.notifying.channels.webhook import WebhookChannel, open_webhook
from sentiment.errors import ConfigurationError
from sentiment.events import Alert
from sentiment.settings import NotifySettings
from sentiment.settings.channels import (
    AlertmanagerSettings,
    AnyChannel,
    ChannelSettings,
    ChatSettings,
    EmailSettings,
    OpsgenieSettings,
    PagerDutySettings,
    WebhookSettings,
    secret_files,
    secret_of,
)
from sentiment.settings.exposure import exposed_files, warn_of
from sentiment.spikes.silences import matches

_CHATS: dict[str, Callable[[Alert], bytes]] = {
    "slack": slack_message,
    "teams": teams_message,
    "discord": discord_message,
}


@dataclass(frozen=True, slots=True)
class Route:
    """A channel, and which alerts it gets; without `rules` all of them."""

    channel: Channel
    rules: ChannelSettings | None = None

    def takes(self, alert: Alert) -> bool:
        """Whether the channel gets this alert. What ends as critical may have begun as a warning, and ends for both."""
        return self.rules is None or (
            (alert.severity in self.rules.severities or (alert.status, alert.severity) == ("resolved", "critical"))
            and any(matches(pattern, alert.segment) for pattern in self.rules.segments)
        )


@contextmanager
def open_routes(notify: NotifySettings, console: TextIO, only: Collection[str] = ()) -> Iterator[list[Route]]:
    """The channels of the configuration, or only those that are named, while the context lasts.

    Raises:
        ConfigurationError: no channel is configured, one is misconfigured, or none has a name of `only`.
    """
    with ExitStack() as stack:
        routes: list[Route] = []
        for channel in (open_console(notify, console), open_webhook(notify)):
            if channel is not None:
                routes.append(Route(stack.enter_context(closing(channel))))
        for name, settings in notify.channels().items():
            routes.append(Route(stack.enter_context(closing(_opened(name, settings, notify.timeout_s))), settings))
        if not routes:
            raise ConfigurationError(
                "no channel is configured",
                hint="set notify.webhook_url or notify.channels_file, or notify.console = true",
            )
        if unknown := set(only) - {route.channel.name for route in routes}:
            names = ", ".join(sorted(route.channel.name for route in routes))
            raise ConfigurationError(f"there is no channel {min(unknown)}", hint=f"configured: {names}")
        yield [route for route in routes if not only or route.channel.name in only]


def _opened(name: str, settings: AnyChannel, timeout_s: float) -> Channel:
    files = ((f"{field} of the channel {name}", file) for field, file in secret_files(settings).items())
    warn_of(exposed_files(files))
    if isinstance(settings, EmailSettings):
        password = None if settings.password_file is None else secret_of(settings, name, "password_file")
        return EmailChannel(name, settings, password, timeout_s=timeout_s)
    if isinstance(settings, WebhookSettings):
        secret = None if settings.secret_file is None else secret_of(settings, name, "secret_file")
        setting = f"the url of the channel {name}"
        return WebhookChannel(
            settings.url, secret, timeout_s=timeout_s, body_format="alert", name=name, setting=setting
        )
    if isinstance(settings, ChatSettings):
        url, make = secret_of(settings, name, "url_file"), _chat(_CHATS[settings.kind])
    else:
        url, make = settings.url, _pager(name, settings)
    return HttpChannel(name, checked_address(url, f"the url of the channel {name}"), make, timeout_s=timeout_s)


def _chat(body: Callable[[Alert], bytes]) -> Callable[[Alert, datetime], Post]:
    return lambda alert, _: Post(body(alert))


def _pager(
    name: str, settings: PagerDutySettings | OpsgenieSettings | AlertmanagerSettings
) -> Callable[[Alert, datetime], Post]:
    if isinstance(settings, AlertmanagerSettings):
        token = None if settings.token_file is None else secret_of(settings, name, "token_file")
        prefix = httpx.URL(settings.url).path.rstrip("/")
        return lambda alert, _: alertmanager_alerts(alert, token, prefix)
    key = secret_of(settings, name, "key_file")
    if isinstance(settings, PagerDutySettings):
        return lambda alert, _: pagerduty_event(alert, key)
    return lambda alert, _: opsgenie_request(alert, key)
