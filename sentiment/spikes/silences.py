"""Silences: for some segments, for some time, people are not told of episodes.

Detection goes on as usual. An alert that a silence covers says why nobody was told, and the notifier leaves it out. An
episode that is still open when its silence ends is told of then. Whoever heard of an episode hears of its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from sentiment.events import Identifier, Name, ShortText

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Silenced = Callable[[str, int], str | None]
"""Why people are not told of a segment at a minute since 1970; None if they are."""


class Rule(Protocol):
    """What keeps people from being told: a silence, or a maintenance window."""

    @property
    def reason(self) -> str:
        """Why, in the words of the person who set it."""

    def covers(self, segment: str, time: datetime) -> bool:
        """Whether it holds for a segment at a time."""


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence from `starts_at` up to, but not including, `ends_at`. In `segments` a `*` stands for any text."""

    silence_id: Identifier
    segments: Name
    starts_at: datetime
    ends_at: datetime
    reason: ShortText

    def covers(self, segment: str, time: datetime) -> bool:
        """Whether it holds for a segment at a time."""
        return self.starts_at <= time < self.ends_at and matches(self.segments, segment)


def nobody(segment: str, minute: int) -> str | None:
    """No segment is silenced, ever."""
    return None


def silenced_by(rules: Sequence[Rule], now: datetime) -> Silenced:
    """A rule holds for what happens while it lasts, and for what is reported while it lasts: at `now`."""

    def reason(segment: str, minute: int) -> str | None:
        times = (_EPOCH + timedelta(minutes=minute), now)
        return next((rule.reason for rule in rules if any(rule.covers(segment, time) for time in times)), None)

    return reason


def matches(pattern: str, segment: str) -> bool:
    """Whether a segment is meant by a pattern, in which a `*` stands for any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), segment, re.DOTALL) is not None


def decode_silence(value: bytes) -> Silence | None:
    """A silence as it is stored; None if this program has not written it."""
    try:
        return msgspec.json.decode(value, type=Silence)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
