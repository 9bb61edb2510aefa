"""Where alerts go: one file for each channel, and the list of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from consumers.notifying.channels.channel import Channel
from consumers.notifying.channels.console import open_console
from consumers.notifying.channels.webhook import open_webhook
from sentiment.settings import NotifySettings

CHANNELS: tuple[Callable[[NotifySettings, TextIO], Channel | None], ...] = (open_console, open_webhook)
"""Each opens its channel from the settings (and the terminal), or returns None if the settings leave it out."""
